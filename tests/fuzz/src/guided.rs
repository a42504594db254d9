//! `jeton-fuzz-guided`: libFuzzer, which keeps the inputs that reach code that no other reached.
//!
//! The target is named in `JETON_FUZZ_TARGET`; every argument is libFuzzer's. `tests/fuzz/guided` builds and runs it.
#![no_main]

use std::{cell::RefCell, sync::LazyLock};

use jeton_fuzz::{Target, reached::Reached, targets};

static TARGET: LazyLock<&'static Target> = LazyLock::new(|| {
    std::env::var("JETON_FUZZ_TARGET")
        .ok()
        .and_then(|name| targets::named(&name))
        .unwrap_or_else(|| std::process::abort())
});

thread_local! {
    static REACHED: RefCell<Reached> = RefCell::default();
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    REACHED.with_borrow_mut(|reached| (TARGET.run)(data, reached));
});
