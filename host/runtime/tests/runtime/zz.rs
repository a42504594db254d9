
use std::time::Instant;
use crate::scaffold::*;
#[test]
fn bench() {
    let t = Instant::now();
    let p = jeton_runtime::Policy::embedded().unwrap();
    println!("embedded {:?}", t.elapsed());
    drop(p);
    let t = Instant::now();
    let r = start();
    println!("start {:?}", t.elapsed());
    let rss = || std::fs::read_to_string("/proc/self/status").unwrap().lines().filter(|l| l.starts_with("VmRSS")||l.starts_with("VmHWM")||l.starts_with("VmSize")).map(str::to_owned).collect::<Vec<_>>();
    println!("{:?}", rss());
    let t = Instant::now();
    let mut v = r.verifier();
    println!("verifier {:?}", t.elapsed());
    let (tok, _) = r.access_token(&["a"]);
    let (asker, _) = r.access_token(&["jeton:introspect"]);
    v.verify(&tok, NOW).unwrap();
    let med = |mut f: Box<dyn FnMut() + '_>, n: u32| { let mut m = vec![]; for _ in 0..2001 { let t = Instant::now(); for _ in 0..200 { f(); } m.push(t.elapsed() / 200); } m.sort(); (m[20], m[500], m[1000], n) };
    { let v = &mut v; let tok=&tok; println!("verify hit {:?} token {} bytes", med(Box::new(move || { v.verify(tok, NOW).unwrap(); }), 20000), tok.len()); }
    { let v = &mut v; println!("empty token {:?}", med(Box::new(move || { v.verify("", NOW).unwrap_err(); }), 20000)); }
    { println!("instant {:?}", med(Box::new(move || { std::hint::black_box(Instant::now().elapsed().as_secs()); }), 20000)); }
    { let live = &r.live; println!("is_current {:?}", med(Box::new(move || { std::hint::black_box(live.is_current()); }), 20000)); }
    { let v = &mut v; let tok=&tok; println!("garbage {:?}", med(Box::new(move || { v.verify(&tok[1..], NOW).unwrap_err(); }), 20000)); }
    { let v = &mut v; let tok=&tok; let asker=&asker; println!("introspect hit {:?}", med(Box::new(move || { v.introspect(asker, tok, NOW).unwrap(); }), 20000)); }
    { let v = &mut v; let tok=&tok; println!("claims {:?}", med(Box::new(move || { v.claims(tok, NOW).unwrap(); }), 20000)); }
    let issued = r.issue("x", &["a"]);
    let toks: Vec<_> = (0..4200).map(|_| r.exchange(&issued.secret)).collect();
    let t = Instant::now();
    for tok in &toks { v.verify(tok, NOW).unwrap(); }
    println!("verify miss {:?}", t.elapsed() / 4200);
    let t = Instant::now();
    for _ in 0..2000 { r.exchange(&issued.secret); }
    println!("exchange blocking {:?}", t.elapsed() / 2000);
    let t = Instant::now();
    for _ in 0..2000 { r.call(|_| Ok(())); }
    println!("empty call blocking {:?}", t.elapsed() / 2000);
    let t = Instant::now();
    for _ in 0..500 { let i = r.issue("x", &[]); r.delete(&i.token.id); v.verify(&tok, NOW).unwrap(); }
    println!("issue+delete+catch up {:?}", t.elapsed() / 500);
    println!("{:?}", rss());
    let portable = jeton_runtime::Policy::compile(jeton_runtime::artifacts::AUTHORITY, jeton_runtime::artifacts::VERIFIER).unwrap();
    let t = Instant::now();
    drop(jeton_runtime::Policy::compile(jeton_runtime::artifacts::AUTHORITY, jeton_runtime::artifacts::VERIFIER).unwrap());
    println!("compile {:?}", t.elapsed());
    let lent = jeton_runtime::Lent::new(std::sync::Arc::clone(&r.disk) as _, None);
    let (live, _p) = jeton_runtime::Live::new(&portable, &lent).unwrap();
    live.recover().unwrap();
    let mut v = jeton_runtime::Verifier::new(&portable, live).unwrap();
    let now = r.clock.load(std::sync::atomic::Ordering::SeqCst);
    let t = Instant::now();
    for tok in &toks { v.verify(tok, now).ok(); }
    println!("portable verify miss {:?}", t.elapsed() / 4200);
    println!("{:?}", rss());
}
