//! Refresh tokens as a tree: each below the one that it was issued under.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

/// The same tokens, each behind its parent, and how far below the left edge of the tree it stands. One whose parent is not among
/// them stands at the edge; those beside each other keep their order.
pub(super) fn ordered(tokens: Vec<Value>) -> Vec<(usize, Value)> {
    let ids: HashSet<String> = tokens.iter().filter_map(|token| text(token, "id")).collect();
    let mut children: HashMap<Option<String>, Vec<Value>> = HashMap::new();
    for token in tokens {
        let parent = text(&token, "parent").filter(|parent| ids.contains(parent));
        children.entry(parent).or_default().push(token);
    }
    let mut ordered = Vec::with_capacity(ids.len());
    // The last one is taken next, so everything is put in the other way round.
    let mut ahead: Vec<(usize, Value)> =
        children.remove(&None).unwrap_or_default().into_iter().rev().map(|token| (0, token)).collect();
    while let Some((depth, token)) = ahead.pop() {
        let below = children.remove(&text(&token, "id")).unwrap_or_default();
        ahead.extend(below.into_iter().rev().map(|child| (depth.saturating_add(1), child)));
        ordered.push((depth, token));
    }
    ordered
}

/// A name as far to the right as it stands below the edge.
pub(super) fn indented(depth: usize, name: &str) -> String {
    match depth.checked_sub(1) {
        None => name.to_owned(),
        Some(above) => format!("{}└ {name}", "  ".repeat(above)),
    }
}

fn text(token: &Value, member: &str) -> Option<String> {
    token.get(member).and_then(Value::as_str).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_stands_below_its_parent_and_strays_at_the_left() {
        let token = |id: &str, parent: Option<&str>| json!({"id": id, "parent": parent, "name": id});
        let tokens = vec![
            token("stray", Some("elsewhere")),
            token("grandchild", Some("child")),
            token("second", Some("root")),
            token("child", Some("root")),
            token("root", None),
        ];
        let shown: Vec<_> =
            ordered(tokens).iter().filter_map(|(depth, token)| Some(indented(*depth, &text(token, "name")?))).collect();
        assert_eq!(shown, ["stray", "root", "└ second", "└ child", "  └ grandchild"]);
    }
}
