//! Policies that are broken on purpose, made from ours: the kit names what each of them broke.
//!
//! Each file in `tests/broken` is a flaw: small changes of the guest's source, and the cases that must name it. One copy of
//! the guest is changed from one flaw to the next, so that no more is built each time than what the flaw touches.
//!
//! Whoever works on one flaw builds it alone: `JETON_FLAWS=loops,memo-skips-cuts cargo test -p jeton-kit --test kit broken`.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc::sync_channel;
use std::sync::{Mutex, PoisonError};
use std::thread;

use anyhow::{Context, Result, ensure};
use jeton_guest_build::{GuestBuild, WORLDS};
use jeton_kit::{Counts, Description, Kind, Outcome, Report, check, check_some};
use serde::Deserialize;

/// The folders of the workspace that the guest is built from.
const FOLDERS: [&str; 3] = ["guest/policy", "guest/component", "wit"];

/// The profile that the copy is built with: one of the workspace's own.
const PROFILE: &str = "guest-trial";

/// A policy that is broken in one way.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Flaw {
    /// What is wrong with it.
    what: String,
    /// The worlds in which it is built.
    worlds: Vec<String>,
    /// The cases that must not hold, at least. What is for an authority alone does not count in the verifier world.
    named_by: Vec<String>,
    /// What makes it so.
    edit: Vec<Edit>,
}

/// A change of a file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Edit {
    file: PathBuf,
    /// Stands in the file exactly once.
    find: String,
    replace: String,
}

/// Names of flaws with commas in between: the only ones that are built, beside the guest as it is. Unset: all.
const CHOICE: &str = "JETON_FLAWS";

/// The flaws that are to be tried.
fn chosen(flaws: BTreeMap<String, Flaw>) -> Result<BTreeMap<String, Flaw>> {
    let Ok(choice) = std::env::var(CHOICE) else { return Ok(flaws) };
    let wanted: BTreeSet<&str> = choice.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
    let unknown: Vec<_> = wanted.iter().filter(|name| !flaws.contains_key(**name)).collect();
    ensure!(unknown.is_empty(), "{CHOICE} names no flaw by {unknown:?}");
    Ok(flaws.into_iter().filter(|(name, _)| wanted.contains(name.as_str())).collect())
}

/// All flaws, by their names.
fn flaws() -> Result<BTreeMap<String, Flaw>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/broken");
    let mut flaws = BTreeMap::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_stem().context("a flaw has no name")?.to_string_lossy().into_owned();
        let flaw = toml::from_str(&fs::read_to_string(&path)?).with_context(|| name.clone())?;
        flaws.insert(name, flaw);
    }
    Ok(flaws)
}

/// One build at a time.
static BUILDING: Mutex<()> = Mutex::new(());

/// A copy of the guest, in which it is changed and built.
pub(crate) struct Workshop {
    copy: PathBuf,
    target: PathBuf,
    /// The files of the copy as they are in the workspace.
    originals: BTreeMap<PathBuf, String>,
}

impl Workshop {
    /// A copy of its own, under this name; what is built outside of it is shared.
    pub(crate) fn open(name: &str) -> Result<Self> {
        let workspace = fs::canonicalize(Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."))?;
        let room = Path::new(env!("CARGO_TARGET_TMPDIR")).join("broken");
        let mut originals = BTreeMap::new();
        for folder in FOLDERS {
            collect(&workspace, Path::new(folder), &mut originals)?;
        }
        originals.insert("Cargo.toml".into(), manifest(&workspace)?);
        let lock = fs::read_to_string(workspace.join("Cargo.lock"))?;
        let workshop = Self { copy: room.join(name), target: room.join("target"), originals };
        // Cargo leaves out of it what the copy does not need.
        fs::create_dir_all(&workshop.copy)?;
        fs::write(workshop.copy.join("Cargo.lock"), lock)?;
        workshop.prune(&workshop.copy)?;
        Ok(workshop)
    }

    /// Removes what an earlier run left and the workspace has no more.
    fn prune(&self, folder: &Path) -> Result<()> {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                self.prune(&path)?;
            } else {
                let relative = path.strip_prefix(&self.copy)?;
                if relative != Path::new("Cargo.lock") && !self.originals.contains_key(relative) {
                    fs::remove_file(&path)?;
                }
            }
        }
        Ok(())
    }

    /// Adds a file to the guest.
    pub(crate) fn add(&mut self, file: &str, text: String) {
        self.originals.insert(file.into(), text);
    }

    /// Builds the guest with these changes and no others.
    pub(crate) fn build(&self, edits: &[Edit], world: &str) -> Result<Vec<u8>> {
        let mut changed = BTreeMap::new();
        for edit in edits {
            let file = edit.file.display();
            let text = changed
                .entry(edit.file.clone())
                .or_insert(self.originals.get(&edit.file).with_context(|| format!("there is no {file}"))?.clone());
            let found = text.matches(&edit.find).count();
            ensure!(found == 1, "this stands {found} times in {file}, not once:\n{}", edit.find);
            *text = text.replace(&edit.find, &edit.replace);
        }
        for (file, original) in &self.originals {
            let text = changed.get(file).unwrap_or(original);
            let path = self.copy.join(file);
            // What is written anew is built anew.
            if fs::read_to_string(&path).ok().as_ref() != Some(text) {
                fs::create_dir_all(path.parent().context("a file lies in a folder")?)?;
                fs::write(&path, text)?;
            }
        }
        let world = WORLDS.into_iter().find(|(name, _)| *name == world).with_context(|| format!("no world {world}"))?;
        // What one build gives lies where the next one puts its own.
        let _turn = BUILDING.lock().unwrap_or_else(PoisonError::into_inner);
        GuestBuild { workspace: &self.copy, target_dir: &self.target, profile: PROFILE, flags: &[], locked: false }
            .component(world)
    }
}

/// Reads all files below a folder; the guest's own tests are not needed.
fn collect(workspace: &Path, folder: &Path, into: &mut BTreeMap<PathBuf, String>) -> Result<()> {
    for entry in fs::read_dir(workspace.join(folder))? {
        let entry = entry?;
        let path = folder.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            if !["tests", "benches", "target"].iter().any(|name| path.ends_with(name)) {
                collect(workspace, &path, into)?;
            }
        } else if path.ends_with("Cargo.toml") {
            into.insert(path.clone(), without_tests(&fs::read_to_string(workspace.join(&path))?)?);
        } else if path.extension().is_some_and(|extension| extension == "rs" || extension == "wit") {
            into.insert(path.clone(), fs::read_to_string(workspace.join(&path))?);
        }
    }
    Ok(())
}

/// A manifest of the guest without what only its tests need.
fn without_tests(manifest: &str) -> Result<String> {
    let mut manifest: toml::Table = toml::from_str(manifest)?;
    for tests in ["dev-dependencies", "test", "bench"] {
        manifest.remove(tests);
    }
    Ok(toml::to_string(&manifest)?)
}

/// The manifest of a workspace that has the guest alone.
fn manifest(workspace: &Path) -> Result<String> {
    let mut manifest: toml::Table = toml::from_str(&fs::read_to_string(workspace.join("Cargo.toml"))?)?;
    let section = manifest.get_mut("workspace").and_then(toml::Value::as_table_mut).context("no workspace")?;
    section.insert("members".to_owned(), toml::Value::from(vec!["guest/policy", "guest/component"]));
    section.remove("default-members");
    section.remove("exclude");
    Ok(toml::to_string(&manifest)?)
}

/// A build to be tried.
struct Built {
    name: String,
    world: String,
    component: Result<Vec<u8>>,
}

/// Builds everything, one after the other; the next is built while one is tried.
fn build_all(flaws: &BTreeMap<String, Flaw>, mut tried: impl FnMut(Built)) -> Result<()> {
    let workshop = Workshop::open("copy")?;
    let unchanged = WORLDS.into_iter().map(|(world, _)| (IN_ORDER, world, &[][..]));
    let changed = flaws.iter().flat_map(|(name, flaw)| {
        flaw.worlds.iter().map(move |world| (name.as_str(), world.as_str(), flaw.edit.as_slice()))
    });
    let mut wanted: Vec<_> = unchanged.chain(changed).collect();
    // The two worlds have features of their own, and changing them builds all of it anew.
    wanted.sort_by_key(|(_, world, _)| *world);
    thread::scope(|scope| {
        let (done, built) = sync_channel(2);
        scope.spawn(move || {
            for (name, world, edits) in wanted {
                let component = workshop.build(edits, world);
                let built = Built { name: name.to_owned(), world: world.to_owned(), component };
                if done.send(built).is_err() {
                    return;
                }
            }
        });
        built.into_iter().for_each(&mut tried);
    });
    Ok(())
}

/// The name of the build that nothing was changed in.
const IN_ORDER: &str = "in order";

#[test]
fn the_kit_names_what_each_broken_policy_broke() {
    let flaws = flaws().unwrap();
    assert!(flaws.len() >= 16, "{} flaws", flaws.len());
    let flaws = chosen(flaws).unwrap();
    let mut wrong = Vec::new();
    build_all(&flaws, |built| {
        let title = format!("{} ({})", built.name, built.world);
        let wanted = wanted(flaws.get(&built.name));
        match built.component.and_then(|component| Ok(check_some(&component, &wanted, &mut |_| ())?)) {
            Err(error) => wrong.push(format!("{title}: {error:#}")),
            Ok(report) => {
                let Counts { held, broken, not_tried, .. } = report.counts();
                println!("{title}: {held} hold, {broken} do not, {not_tried} were not tried");
                report.broken().for_each(|(case, what)| println!("    {case}: {what}"));
                wrong.extend(misjudged(&flaws, &built.name, &report).map(|what| format!("{title}: {what}")));
            }
        }
    })
    .unwrap();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The cases that a build is tried with: all where nothing was changed. Of the published verdicts, of which there are hundreds, every
/// fourth is enough beside those that must name the flaw.
fn wanted(flaw: Option<&Flaw>) -> impl Fn(&Description) -> bool {
    let verdicts = Cell::new(0_u32);
    move |case| {
        let Some(flaw) = flaw else { return true };
        if !case.id.starts_with("verdict-") || flaw.named_by.contains(&case.id) {
            return true;
        }
        verdicts.set(verdicts.get() + 1);
        verdicts.get().is_multiple_of(4)
    }
}

/// What the kit should have said and did not.
fn misjudged(flaws: &BTreeMap<String, Flaw>, name: &str, report: &Report) -> Option<String> {
    let broken: BTreeSet<&str> = report.broken().map(|(case, _)| case).collect();
    let Some(flaw) = flaws.get(name) else {
        return (!report.holds()).then(|| format!("nothing is wrong with it, and yet: {broken:?}"));
    };
    let of_this_world = |case: &&String| report.tried.iter().any(|tried| tried.case.id == **case);
    let missed: Vec<_> =
        flaw.named_by.iter().filter(of_this_world).filter(|case| !broken.contains(case.as_str())).collect();
    if broken.is_empty() || !missed.is_empty() {
        return Some(format!("{}: this is not named by {missed:?}", flaw.what));
    }
    // A flaw that breaks everything is none that the kit could name.
    let Counts { held, broken, .. } = report.counts();
    (broken > held).then(|| format!("{}: {broken} cases do not hold, and only {held} do", flaw.what))
}

#[test]
fn every_case_that_a_flaw_is_named_by_exists() {
    let cases: BTreeSet<String> = jeton_kit::cases().into_iter().map(|case| case.id).collect();
    for (name, flaw) in flaws().unwrap() {
        assert!(!flaw.named_by.is_empty() && !flaw.edit.is_empty(), "{name}");
        for case in flaw.named_by {
            assert!(cases.contains(&case), "{name}: there is no case {case}");
        }
    }
}

#[test]
fn what_is_no_component_is_refused_with_the_reason() {
    let refused = check(b"#!/bin/sh", &mut |_| ()).unwrap_err();
    assert_eq!(refused.to_string(), "not WebAssembly: it does not begin with `\\0asm`");
}

#[test]
fn a_verifier_that_is_given_as_an_authority_lacks_its_exports() {
    // Whatever a component exports decides what it is taken for: this one is a verifier, and in order.
    let report = check(jeton_runtime::artifacts::VERIFIER, &mut |_| ()).unwrap();
    assert_eq!(report.world, Kind::Verifier);
    assert!(report.tried.iter().all(|tried| tried.case.world == Kind::Verifier && tried.outcome == Outcome::Held));
}
