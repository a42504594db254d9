//! `jeton policy compose`: a house's own rules, in whatever language, laid over an authority.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Result, bail};
use jeton_runtime::artifacts;
use wac_graph::{CompositionGraph, EncodeOptions, PackageId, types::Package};

use super::super::{CliError, output};

pub(super) const HELP: &str = "\
A layer is a component that exports interfaces of the authority world in the place of the authority's own, and imports those
that it hands calls on to. Every interface that it does not export stays the authority's.
  jeton policy compose house.wasm --out policy.wasm
  jeton policy check policy.wasm
  jeton serve --policy policy.wasm";

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Compose {
    /// The layer: a WebAssembly component
    layer: PathBuf,
    /// The authority below it; without one, that which this binary carries
    #[arg(long, value_name = "FILE")]
    over: Option<PathBuf>,
    /// Where to write the whole
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Write over what is there
    #[arg(long)]
    force: bool,
}

impl Compose {
    pub(super) fn run(self) -> Result<(), CliError> {
        let read = |file: &Path| fs::read(file).map_err(|error| super::failed(file, error));
        let layer = read(&self.layer)?;
        let below = match &self.over {
            Some(file) => read(file)?,
            None => artifacts::AUTHORITY.to_vec(),
        };
        // What is no component is said in the words of `inspect`.
        for (file, bytes) in [(Some(&self.layer), &layer), (self.over.as_ref(), &below)] {
            artifacts::inspect(bytes).map_err(|error| super::failed(file.unwrap_or(&self.layer), error))?;
        }
        let Composed { component, taken } =
            compose(below, layer).map_err(|error| super::failed(&self.layer, format!("{error:#}")))?;
        super::write(&self.out, &component, self.force).map_err(|error| super::unwritten(&self.out, error))?;
        taken.iter().try_for_each(|interface| output::line(&format!("{interface} is the layer's")))?;
        Ok(output::line(&self.out.display().to_string())?)
    }
}

/// A layer and what it lies over, in one component.
struct Composed {
    component: Vec<u8>,
    /// The interfaces that the layer exports in the place of the authority's own.
    taken: Vec<String>,
}

/// Lays `layer` over `below`: what it imports of it is given, what both export is the layer's, and whatever either is lent by a
/// host is asked of the host once.
fn compose(below: Vec<u8>, layer: Vec<u8>) -> Result<Composed> {
    let mut graph = CompositionGraph::new();
    let below = register(&mut graph, "jeton:below", below)?;
    let layer = register(&mut graph, "house:layer", layer)?;
    let given = names(&graph, below, |world| world.exports.keys().cloned().collect());
    let (wants, has) = (
        names(&graph, layer, |world| world.imports.keys().cloned().collect()),
        names(&graph, layer, |world| world.exports.keys().cloned().collect()),
    );
    let taken: Vec<String> = given.iter().filter(|name| has.contains(name)).cloned().collect();
    if taken.is_empty() {
        bail!("a layer exports at least one of {}: this one exports {}", given.join(", "), listed(&has));
    }
    let (lower, upper) = (graph.instantiate(below), graph.instantiate(layer));
    for name in wants.iter().filter(|name| given.contains(name)) {
        let part = graph.alias_instance_export(lower, name)?;
        graph.set_instantiation_argument(upper, name, part)?;
    }
    // The types of what the layer took over: the interfaces that stayed the authority's speak in them.
    for name in &taken {
        let part = graph.alias_instance_export(lower, name)?;
        graph.export(part, hidden(name))?;
    }
    for name in &given {
        let part = graph.alias_instance_export(if taken.contains(name) { upper } else { lower }, name)?;
        graph.export(part, name)?;
    }
    Ok(Composed { component: graph.encode(EncodeOptions::default())?, taken })
}

/// What an interface of the authority is called that the layer exports another of. It is in the same package, since packages may not
/// depend on each other both ways, and nobody calls it.
fn hidden(interface: &str) -> String {
    match interface.split_once('/') {
        Some((package, name)) => format!("{package}/below-{name}"),
        None => format!("below-{interface}"),
    }
}

fn register(graph: &mut CompositionGraph, name: &str, component: Vec<u8>) -> Result<PackageId> {
    let package = Package::from_bytes(name, None, component, graph.types_mut())?;
    Ok(graph.register_package(package)?)
}

/// What a component imports or exports, by name.
fn names(graph: &CompositionGraph, of: PackageId, pick: fn(&wac_graph::types::World) -> Vec<String>) -> Vec<String> {
    pick(&graph.types()[graph[of].ty()])
}

fn listed(names: &[String]) -> String {
    if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
}
