//! What the documents show is what happens: their console blocks are run, their example is built and run.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::story::open;
use crate::support::http::Request;
use crate::support::place::{Place, run_with_input};
use crate::support::repository;

/// A command of a document, and what the document says that it prints.
struct Shown {
    command: String,
    output: String,
}

/// The commands of all ```console blocks: a line that begins with `$ `, to the end of the last line that ends in a backslash.
fn shown_in(document: &Path) -> Vec<Shown> {
    let text = std::fs::read_to_string(document).unwrap();
    let mut shown: Vec<Shown> = Vec::new();
    let (mut inside, mut goes_on) = (false, false);
    for line in text.lines() {
        if line.starts_with("```") {
            inside = line == "```console";
        } else if inside && let Some(command) = line.strip_prefix("$ ") {
            goes_on = command.ends_with('\\');
            shown.push(Shown { command: command.to_owned(), output: String::new() });
        } else if inside && let Some(last) = shown.last_mut() {
            let part = if goes_on { &mut last.command } else { &mut last.output };
            part.push('\n');
            part.push_str(line);
            goes_on = goes_on && line.ends_with('\\');
        }
    }
    shown
}

/// Ids, tokens and times are others each time, and so are the widths of columns that hold them.
fn normal(text: &str) -> String {
    let words = text
        .split(|character: char| character.is_whitespace() || "\"',()".contains(character))
        .filter(|word| !word.is_empty());
    let normal = words.map(|word| {
        let alphanumeric = |word: &str| word.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let digits = word.bytes().filter(u8::is_ascii_digit).count();
        if word.starts_with("jtn_rt_") {
            "A-REFRESH-TOKEN"
        } else if word.starts_with("eyJ") {
            "AN-ACCESS-TOKEN"
        } else if word.len() >= 22 && alphanumeric(word) {
            "AN-ID"
        } else if word.starts_with("20") && word.contains('-') && digits >= 8 {
            "A-TIME"
        } else if word.trim_end_matches(':').bytes().all(|byte| byte.is_ascii_digit()) && digits >= 4 {
            "A-NUMBER"
        } else if word.bytes().all(|byte| b"-=+|".contains(&byte)) {
            "A-LINE"
        } else {
            word
        }
    });
    normal.collect::<Vec<_>>().join(" ")
}

#[test]
fn the_readme_and_the_guides_show_what_happens() {
    for document in ["README.md", "docs/tutorial.md", "docs/refresh-tokens.md", "docs/policies.md"] {
        let place = Place::new();
        let folder = place.path("");
        let binary = PathBuf::from(env!("CARGO_BIN_EXE_jeton"));
        std::fs::create_dir_all(folder.join("target")).unwrap();
        std::os::unix::fs::symlink(binary.parent().unwrap(), folder.join("target/release")).unwrap();
        std::os::unix::fs::symlink(repository("docs").canonicalize().unwrap(), folder.join("docs")).unwrap();
        std::os::unix::fs::symlink(place.data(), folder.join("jeton-data")).unwrap();
        let server = place.serve().start();
        let address = format!("127.0.0.1:{}", server.port);

        let shown = shown_in(&repository(document));
        assert!(shown.len() >= 5, "{document} tells the story");
        let mut script = "set -u\n".to_owned();
        for Shown { command, .. } in &shown {
            script.push_str(&command.replace("127.0.0.1:8123", &address));
            script.push_str("\nprintf '\\036'\n");
        }
        // Commands speak to people on standard error: a document shows both.
        let mut shell = Command::new("bash");
        shell.args(["-c", "exec 2>&1; eval \"$0\"", &script]).current_dir(&folder).stdin(Stdio::null());
        shell.env("JETON_URL", format!("http://{address}")).env("PATH", path_with(&binary));
        let output = shell.output().unwrap();
        let printed = String::from_utf8(output.stdout).unwrap().replace(&address, "127.0.0.1:8123");
        let printed: Vec<&str> = printed.split('\u{1e}').collect();
        assert_eq!(printed.len(), shown.len() + 1, "{document}: {printed:?}");
        for (Shown { command, output }, printed) in shown.iter().zip(printed) {
            assert_eq!(normal(printed), normal(output), "{document}: $ {command}\nprinted:\n{printed}");
        }
    }
}

/// `python3` is the one that tests/run set up, where there is one.
fn path_with(binary: &Path) -> String {
    let path = std::env::var("PATH").unwrap_or_default();
    let venv = repository("tests/.venv/bin").canonicalize().unwrap_or_default();
    format!("{}:{}:{path}", venv.display(), binary.parent().unwrap().display())
}

#[test]
fn the_embedding_example_tells_alive_from_dead() {
    let (place, server, administrator) = open();
    let folder = place.path("policy");
    let output = place.jeton(&["policy", "export"]).arg(&folder).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let made = administrator.create_named(&server, "job");
    let token = server.access_token(&made.token);
    let embed = || {
        let live = server.send(Request::get("/v1/live")).expect(200).text();
        std::fs::write(place.path("live"), live).unwrap();
        // Cargo puts examples beside the tests that it builds with them.
        let example = std::env::current_exe().unwrap().parent().unwrap().parent().unwrap().join("examples/embed");
        run_with_input(Command::new(example).arg(folder.join("jeton-verifier.wasm")).arg(place.path("live")), &token)
    };
    let alive = embed();
    assert!(alive.status.success(), "{}", String::from_utf8_lossy(&alive.stderr));
    assert!(String::from_utf8_lossy(&alive.stdout).starts_with(&format!("{} until ", made.id)));
    administrator.delete(&server, &made.id);
    let dead = embed();
    assert!(!dead.status.success() && dead.stdout.is_empty());
    assert!(String::from_utf8_lossy(&dead.stderr).contains("cut"), "{}", String::from_utf8_lossy(&dead.stderr));
}

#[test]
fn the_embedding_page_shows_the_example_that_is_built_here() {
    let example = std::fs::read_to_string(repository("docs/examples/embed.rs")).unwrap();
    let page = std::fs::read_to_string(repository("docs/embedding.md")).unwrap();
    assert!(page.contains(&example), "docs/embedding.md holds docs/examples/embed.rs as it is");
}

#[test]
fn the_tutorial_shows_the_python_example_that_the_tests_run() {
    let example = std::fs::read_to_string(repository("docs/examples/dpa_style.py")).unwrap();
    let function = &example[example.find("def get_access_token").unwrap()..example.find("def get_headers").unwrap()];
    let page = std::fs::read_to_string(repository("docs/tutorial.md")).unwrap();
    assert!(page.contains(function.trim_end()), "docs/tutorial.md holds another `get_access_token`");
}

#[test]
fn every_option_of_the_server_is_in_the_operations_page() {
    let page = std::fs::read_to_string(repository("docs/operations.md")).unwrap();
    let help = Place::new().jeton(&["serve", "--help"]).output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let named: Vec<&str> = help
        .split(|character: char| !(character.is_ascii_alphanumeric() || "-_".contains(character)))
        .filter(|word| word.starts_with("--") || word.starts_with("JETON_"))
        .filter(|word| !["--help", "--version"].contains(word))
        .collect();
    assert!(named.len() > 30, "{help}");
    for name in named {
        assert!(page.contains(&format!("`{name}")), "docs/operations.md says nothing of {name}");
    }
}

#[test]
fn no_link_of_a_document_leads_nowhere() {
    let documents = [
        "README.md",
        "docs/tutorial.md",
        "docs/operations.md",
        "docs/embedding.md",
        "docs/threat-model.md",
        "docs/http-api.md",
        "docs/standards.md",
    ];
    for document in documents {
        let path = repository(document);
        let text = std::fs::read_to_string(&path).unwrap();
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = target.split('#').next().unwrap_or_default();
            assert!(
                !file.contains("://") && (file.is_empty() || path.parent().unwrap().join(file).exists()),
                "{document}: {target}"
            );
        }
    }
}

#[test]
fn every_test_that_a_table_of_the_documents_names_exists() {
    let read = |page: &str| std::fs::read_to_string(repository(page)).unwrap();
    let mut sources = String::new();
    for folder in ["tests", "guest", "host"] {
        read_sources(&repository(folder), &mut sources);
    }
    for (page, at_least) in [
        ("docs/standards.md", 50),
        ("docs/gateways.md", 7),
        ("docs/verdicts.md", 5),
        ("docs/embedding.md", 7),
        ("README.md", 11),
    ] {
        let text = read(page);
        let rows: Vec<&str> = text.lines().filter(|line| page.contains("standards") || line.starts_with('|')).collect();
        let rows = rows.join("\n");
        let names = tests_named_in(&rows);
        for name in &names {
            assert!(sources.contains(&format!("fn {name}(")), "{page} names {name}");
        }
        assert!(names.len() >= at_least, "{page} names {} tests", names.len());
    }
}

#[test]
fn every_runtime_of_the_readme_names_a_test_and_the_file_that_it_is_in() {
    let page = std::fs::read_to_string(repository("README.md")).unwrap();
    let (_, section) = page.split_once("## Where it runs").expect("the section");
    let rows = section.split("\n## ").next().unwrap().lines().filter(|line| line.starts_with('|')).skip(2);
    let mut runtimes = 0;
    // A row that names no file goes on with that of the row above.
    let mut file = String::new();
    for row in rows {
        let proof = row.trim_end_matches(['|', ' ']).rsplit(" | ").next().unwrap();
        let named = tests_named_in(proof);
        let test = named.first().unwrap_or_else(|| panic!("nothing proves this: {row}"));
        if let Some((_, linked)) = proof.split_once("](") {
            let path = linked.split(')').next().unwrap();
            file = std::fs::read_to_string(repository(path)).unwrap();
        }
        assert!(file.contains(&format!("fn {test}(")), "{test} is not where this says: {row}");
        runtimes += 1;
    }
    assert!(runtimes > 10, "{runtimes} runtimes");
}

/// Between backticks, whatever has three underlines or more is a test's name.
fn tests_named_in(text: &str) -> Vec<&str> {
    let names = text.split('`').skip(1).step_by(2).filter(|name| name.matches('_').count() >= 3);
    names
        .filter(|name| {
            name.chars().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_')
        })
        .collect()
}

#[test]
fn the_filter_for_envoy_is_as_small_as_its_page_says() {
    let place = Place::new();
    let export = place.jeton(&["policy", "export", "--force"]).arg(place.path("export")).output().unwrap();
    assert!(export.status.success(), "{}", String::from_utf8_lossy(&export.stderr));
    let size = std::fs::metadata(place.path("export/jeton-envoy.wasm")).unwrap().len();
    let page = std::fs::read_to_string(repository("docs/gateways.md")).unwrap();
    let (_, told) = page.split_once("`jeton-envoy.wasm` (about ").expect("the page says how large the filter is");
    let told: u64 = told.split(' ').next().unwrap().parse().unwrap();
    assert!(size.abs_diff(told * 1000) < 25_000, "{size} bytes, where {told} KB are told");
    assert!(size <= 400_000, "{size} bytes");
}

fn read_sources(folder: &Path, sources: &mut String) {
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let (path, kind) = (entry.path(), entry.file_type().unwrap());
        if kind.is_dir() && path.file_name().is_none_or(|name| name != ".venv" && name != "target") {
            read_sources(&path, sources);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            sources.push_str(&std::fs::read_to_string(&path).unwrap());
        }
    }
}
