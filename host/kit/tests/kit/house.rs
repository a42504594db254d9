//! The house policy of the documents: built as they say, it holds every case, and decides what it says.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use jeton_kit::check;
use jeton_runtime::wit::epochs::Boot;
use jeton_runtime::wit::exchange::{ExchangeRefusal, ExchangeRequest};
use jeton_runtime::wit::refresh_tokens::{IssueRefusal, IssueRequest, Issued};
use jeton_runtime::wit::types::Actor;
use jeton_runtime::{Authority, Class, Lent, Policy, PoolSizes, RootKey};
use jeton_store::MemoryStore;
use serde::Deserialize;

use crate::broken::{Edit, Workshop};

const ISSUER: &str = "https://tokens.example";

/// Tuesday, 2026-11-24, 09:00 UTC.
const TUESDAY_MORNING: u64 = 1_795_510_800;
const HOUR: u64 = 3_600;

#[derive(Deserialize)]
struct Calls {
    edit: Vec<Edit>,
}

fn house() -> Vec<u8> {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/examples");
    let rules = fs::read_to_string(examples.join("house.rs")).unwrap();
    assert!(rules.lines().count() < 100, "{} lines", rules.lines().count());
    let calls: Calls = toml::from_str(&fs::read_to_string(examples.join("house.toml")).unwrap()).unwrap();
    let mut workshop = Workshop::open("house").unwrap();
    workshop.add("guest/component/src/house.rs", rules);
    workshop.build(&calls.edit, "authority").unwrap()
}

/// The house's authority, and its clock.
struct Office {
    authority: Authority,
    clock: Arc<AtomicU64>,
}

impl Office {
    fn open(component: &[u8]) -> Office {
        let clock = Arc::new(AtomicU64::new(TUESDAY_MORNING));
        let shown = Arc::clone(&clock);
        let lent = Lent::new(Arc::new(MemoryStore::new()), Some(RootKey::draw().unwrap()))
            .with_clock(Arc::new(move || (shown.load(Ordering::SeqCst), 0)));
        let policy = Policy::of(Some(component), None).unwrap();
        let sizes = PoolSizes { exchange: 1, exchange_committing: 1, administration: 1, ..PoolSizes::default() };
        let authority = Authority::start(&policy, lent, sizes).unwrap();
        let class = Class::Administration;
        authority.call_blocking(class, |call| call.configure(Some(ISSUER), ISSUER)).unwrap().unwrap();
        authority.call_blocking(class, |call| call.begin(Boot::Advance, None)).unwrap().unwrap();
        Office { authority, clock }
    }

    fn issue(&self, name: &str, scopes: &[&str], parent: Option<&Issued>) -> Result<Issued, IssueRefusal> {
        let request = IssueRequest {
            scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
            parent: parent.map(|parent| parent.token.id.clone()),
            ..IssueRequest::named(name)
        };
        self.authority.call_blocking(Class::Administration, move |call| call.issue(&Actor::Machine, &request)).unwrap()
    }

    fn exchange(&self, of: &Issued) -> Result<String, ExchangeRefusal> {
        let refresh_token = of.secret.clone().unwrap();
        let request = ExchangeRequest { refresh_token, scope: None, resource: None, peer: None };
        let exchanged = self.authority.call_blocking(Class::Exchange, move |call| call.exchange(&request)).unwrap();
        exchanged.map(|exchanged| exchanged.access_token)
    }

    fn wait(&self, hours: u64) {
        self.clock.fetch_add(hours * HOUR, Ordering::SeqCst);
    }
}

#[test]
fn the_house_policy_of_the_documents_holds_every_case_and_decides_issue_and_exchange() {
    let component = house();
    let report = check(&component, &mut |_| ()).unwrap();
    assert!(report.holds(), "{:#?}", report.broken().collect::<Vec<_>>());

    let office = Office::open(&component);
    // Names by pattern.
    for name in ["Payroll/export", "payroll", "payroll/", "/export", "payroll/export/daily", "payroll/nightly export"] {
        assert_eq!(office.issue(name, &["office"], None).err(), Some(IssueRefusal::ScopeNotInCatalogue), "{name}");
    }
    let export = office.issue("payroll/nightly-export", &["office"], None).unwrap();
    let free = office.issue("Whatever it may be", &["reports"], None).unwrap();

    // At most three living children.
    for number in 1..=3 {
        office.issue(&format!("payroll/child-{number}"), &["office"], Some(&export)).unwrap();
    }
    let fourth = office.issue("payroll/child-4", &["office"], Some(&export));
    assert_eq!(fourth.err(), Some(IssueRefusal::DelegationNotAllowed));
    for number in 1..=4 {
        office.issue(&format!("child {number}"), &["reports"], Some(&free)).unwrap();
    }

    // Business hours: until 18:00, from 8:00 of the next day on, and not on Saturday.
    assert!(office.exchange(&export).is_ok());
    for (hours, is_open) in [(8, true), (1, false), (13, false), (1, true), (48, true), (24, false), (48, true)] {
        office.wait(hours);
        assert_eq!(office.exchange(&export).is_ok(), is_open, "{hours} hours later");
        assert!(office.exchange(&free).is_ok());
    }
    office.wait(10);
    assert_eq!(office.exchange(&export).err(), Some(ExchangeRefusal::InvalidGrant));
}
