//! Which verdicts each runtime gave: written down by the tests that ask it, and made into a page of the documents.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use crate::generate::{Stage, TOPICS};

/// The runtimes of the page, each with the test that asks it.
pub const RUNTIMES: [(&str, &str); 5] = [
    (
        "wasmtime",
        "`the_verifier_that_the_host_runs_gives_every_verdict` and its neighbours in [tests/vectors](../tests/vectors/tests/verdicts/component.rs)",
    ),
    ("Node", "`the_package_for_node_gives_every_verdict` in [tests/edges.rs](../tests/edges.rs)"),
    (
        "Chromium",
        "`a_page_in_chromium_gives_every_verdict_and_hears_of_a_deletion` in [tests/edges.rs](../tests/edges.rs)",
    ),
    (
        "Python",
        "`the_package_for_python_gives_every_verdict_and_its_types_hold` in [tests/edges.rs](../tests/edges.rs)",
    ),
    (
        "Envoy",
        "`envoy_gives_every_verdict_that_it_can_be_asked_for` in [tests/envoy_vectors.rs](../tests/envoy_vectors.rs)",
    ),
];

/// What a runtime did with the cases.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Given {
    /// The names of the cases whose verdict it gave.
    pub given: BTreeSet<String>,
    /// Those that it cannot be asked, with the reason.
    #[serde(default)]
    pub beyond: BTreeMap<String, String>,
}

impl Given {
    /// Writes it down, over what the runtime did before.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, runtime: &str) -> anyhow::Result<()> {
        let file = file_of(runtime);
        std::fs::create_dir_all(file.parent().unwrap_or(Path::new(".")))?;
        std::fs::write(&file, serde_json::to_vec(self)?).with_context(|| file.display().to_string())
    }

    fn read(runtime: &str) -> anyhow::Result<Self> {
        let file = file_of(runtime);
        let text = std::fs::read(&file).with_context(|| format!("{runtime} was not asked: {}", file.display()))?;
        serde_json::from_slice(&text).with_context(|| file.display().to_string())
    }
}

/// Where a runtime's part is written down. Tests in other languages write there as well.
fn file_of(runtime: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(".given").join(format!("{runtime}.json"))
}

/// Where the page lies.
#[must_use]
pub fn page() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/verdicts.md")
}

/// The page, from what the runtimes wrote down.
///
/// # Errors
/// When a runtime wrote nothing down, or something else than the cases as they are.
pub fn written_down() -> anyhow::Result<String> {
    let given = RUNTIMES.map(|(runtime, _)| Given::read(runtime));
    let given: Vec<Given> = given.into_iter().collect::<Result<_, _>>()?;
    render(&given)
}

/// What a page must say when every runtime gave every verdict but those that Envoy cannot be asked, with the reasons that `page` tells.
///
/// # Errors
/// When it tells of cases that are none.
pub fn from_page(page: &str) -> anyhow::Result<String> {
    let all = names()?;
    let mut beyond = BTreeMap::new();
    let mut reason = "";
    for line in page.lines() {
        if let Some(told) = line.strip_prefix("### ") {
            reason = told;
        } else if let Some(name) = line.strip_prefix("- ") {
            beyond.insert(name.to_owned(), reason.to_owned());
        }
    }
    let given = RUNTIMES.map(|(runtime, _)| match runtime {
        "Envoy" => {
            let given = all.iter().filter(|name| !beyond.contains_key(*name)).cloned().collect();
            Given { given, beyond: beyond.clone() }
        }
        _ => Given { given: all.clone(), beyond: BTreeMap::new() },
    });
    render(&given)
}

fn names() -> anyhow::Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    for topic in TOPICS {
        names.extend(topic.cases(Stage::FIXED)?.into_iter().map(|case| case.name));
    }
    Ok(names)
}

fn render(given: &[Given]) -> anyhow::Result<String> {
    let all = names()?;
    for ((runtime, _), given) in RUNTIMES.iter().zip(given) {
        let told: BTreeSet<String> = given.given.iter().chain(given.beyond.keys()).cloned().collect();
        let odd: Vec<_> = told.symmetric_difference(&all).collect();
        anyhow::ensure!(odd.is_empty(), "{runtime} was not asked these cases, or they are none: {odd:?}");
        anyhow::ensure!(
            given.given.len() + given.beyond.len() == all.len(),
            "{runtime} both gave a verdict and did not"
        );
    }
    let mut page = String::new();
    writeln!(page, "# The verdicts of each runtime\n")?;
    writeln!(
        page,
        "[verdicts.json](../tests/vectors/verdicts.json) holds {} cases: live documents, a token, a moment, and the verdict on it, to the",
        all.len()
    )?;
    writeln!(
        page,
        "byte. Each runtime is asked all that it can be asked. Its test fails at the first verdict that is another one; what it gave it writes"
    )?;
    writeln!(
        page,
        "down, and this page is made of that (`target/release/jeton-vectors page`, in [tests/run](../tests/run)). Do not edit it.\n"
    )?;
    writeln!(page, "| runtime | asked by |\n| --- | --- |")?;
    for (runtime, test) in RUNTIMES {
        writeln!(page, "| {runtime} | {test} |")?;
    }
    writeln!(
        page,
        "\n| verdicts given, of cases about | cases | {} |",
        RUNTIMES.map(|(runtime, _)| runtime).join(" | ")
    )?;
    writeln!(page, "| --- |{}", " ---: |".repeat(RUNTIMES.len() + 1))?;
    let row = |about: &str, names: &BTreeSet<String>| {
        let counts = given.iter().map(|given| given.given.intersection(names).count().to_string());
        format!("| {about} | {} | {} |", names.len(), counts.collect::<Vec<_>>().join(" | "))
    };
    for topic in TOPICS {
        let names = topic.cases(Stage::FIXED)?.into_iter().map(|case| case.name).collect();
        writeln!(page, "{}", row(topic.name, &names))?;
    }
    writeln!(page, "{}", row("all", &all))?;
    for ((runtime, _), given) in RUNTIMES.iter().zip(given).filter(|(_, given)| !given.beyond.is_empty()) {
        writeln!(page, "\n## What {runtime} cannot be asked")?;
        let reasons: BTreeSet<&String> = given.beyond.values().collect();
        for reason in reasons {
            writeln!(page, "\n### {reason}\n")?;
            for (name, _) in given.beyond.iter().filter(|(_, told)| *told == reason) {
                writeln!(page, "- {name}")?;
            }
        }
    }
    Ok(page)
}
