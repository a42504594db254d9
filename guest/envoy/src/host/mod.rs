//! What Envoy lends, and what it calls (proxy-wasm ABI 0.2.1).

mod envoy;
mod feed;
mod filter;

use std::rc::Rc;

use log::error;
use proxy_wasm::{
    traits::{Context, HttpContext, RootContext},
    types::ContextType,
};

use crate::config::Configuration;

#[allow(unsafe_code, missing_docs, unreachable_pub, reason = "made by proxy-wasm: this is where Envoy calls in first")]
mod entry {
    use proxy_wasm::types::LogLevel;

    proxy_wasm::main! {{
        // Envoy itself drops what is below its own level.
        proxy_wasm::set_log_level(LogLevel::Debug);
        proxy_wasm::set_root_context(|_| Box::new(super::Plugin::default()));
    }}
}

/// The plugin, in the part that its configuration gives it. Before that it has none, and Envoy calls nothing of it.
#[derive(Default)]
struct Plugin {
    part: Option<Part>,
}

enum Part {
    Feed(Box<feed::Asking>),
    Filter(Rc<filter::Judging>),
}

impl RootContext for Plugin {
    fn on_configure(&mut self, _size: usize) -> bool {
        let json = self.get_plugin_configuration().unwrap_or_default();
        self.part = match Configuration::read(&json, envoy::variable) {
            Ok(Configuration::Feed(feed)) => Some(Part::Feed(Box::new(feed::Asking::new(*feed)))),
            Ok(Configuration::Filter(filter)) => Some(Part::Filter(Rc::new(filter::Judging::new(*filter)))),
            Err(refused) => {
                error!("jeton: the configuration is refused: {refused}");
                None
            }
        };
        if matches!(self.part, Some(Part::Feed(_))) {
            self.set_tick_period(feed::TICK);
        }
        self.part.is_some()
    }

    fn on_tick(&mut self) {
        if let Some(Part::Feed(asking)) = &mut self.part {
            asking.tick();
        }
    }

    fn create_http_context(&self, _id: u32) -> Option<Box<dyn HttpContext>> {
        match &self.part {
            Some(Part::Filter(judging)) => Some(Box::new(filter::Request::new(Rc::clone(judging)))),
            // A request that reaches a feed is a mistake in the configuration: it is refused.
            _ => Some(Box::new(filter::Misled)),
        }
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

impl Context for Plugin {
    fn on_http_call_response(&mut self, token_id: u32, headers: usize, body_size: usize, _trailers: usize) {
        if let Some(Part::Feed(asking)) = &mut self.part {
            asking.answered(token_id, headers, body_size);
        }
    }
}
