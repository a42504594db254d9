//! What is written down: the page, its pictures, and the runs that are kept.

pub(crate) mod curves;
pub(crate) mod machine;
pub(crate) mod report;
pub(crate) mod runs;
pub(crate) mod targets;

use runs::Run;

/// The whole page.
pub(crate) fn page(run: &Run, before: &Run, sections: &str) -> String {
    let Run { commit, machine, figures, .. } = run;
    let (table, tried) = (targets::table(figures, &before.figures), include_str!("../../tried.md").trim());
    let before = &before.commit;
    format!(
        "# Performance\n\n\
         Written by `cargo run --release -p jeton-bench`; do not edit. Medians of one run, compared in turns: servers on one core, \
         the load on another. The machine is shared, so ratios say more than times.\n\n\
         {machine}; commit {commit}. Before: commit {before}.\n\n\
         ## Targets\n\n{table}\n{tried}\n\n{sections}"
    )
}
