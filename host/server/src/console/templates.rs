//! Templates: built in, everything that is put into them escaped, and nothing in them left out unnoticed.

use std::sync::LazyLock;

use minijinja::{Environment, Error, UndefinedBehavior, value::Serde};

use super::page::Page;

/// Every template by its name.
const ALL: &[(&str, &str)] = &[
    ("console/frame.html", include_str!("../../templates/console/frame.html")),
    ("console/trouble.html", include_str!("../../templates/console/trouble.html")),
    ("console/sign_in.html", include_str!("../../templates/console/sign_in.html")),
    ("console/signed_in.html", include_str!("../../templates/console/signed_in.html")),
    ("console/second.html", include_str!("../../templates/console/second.html")),
    ("console/new_password.html", include_str!("../../templates/console/new_password.html")),
    ("console/account.html", include_str!("../../templates/console/account.html")),
    ("console/second_factor.html", include_str!("../../templates/console/second_factor.html")),
    ("console/recovery_codes.html", include_str!("../../templates/console/recovery_codes.html")),
    ("console/users.html", include_str!("../../templates/console/users.html")),
    ("console/user.html", include_str!("../../templates/console/user.html")),
    ("console/rights.html", include_str!("../../templates/console/rights.html")),
    ("console/code_shown.html", include_str!("../../templates/console/code_shown.html")),
    ("console/moment.html", include_str!("../../templates/console/moment.html")),
    ("console/errors.html", include_str!("../../templates/console/errors.html")),
    ("console/field.html", include_str!("../../templates/console/field.html")),
    ("console/expiry.html", include_str!("../../templates/console/expiry.html")),
    ("console/days.html", include_str!("../../templates/console/days.html")),
    ("console/used.html", include_str!("../../templates/console/used.html")),
    ("console/generation.html", include_str!("../../templates/console/generation.html")),
    ("console/token.html", include_str!("../../templates/console/token.html")),
    ("console/token_edit.html", include_str!("../../templates/console/token_edit.html")),
    ("console/token_narrow.html", include_str!("../../templates/console/token_narrow.html")),
    ("console/token_conflict.html", include_str!("../../templates/console/token_conflict.html")),
    ("console/token_fields.html", include_str!("../../templates/console/token_fields.html")),
    ("console/token_rotate.html", include_str!("../../templates/console/token_rotate.html")),
    ("console/token_scripts.html", include_str!("../../templates/console/token_scripts.html")),
    ("console/audit.html", include_str!("../../templates/console/audit.html")),
    ("console/overview.html", include_str!("../../templates/console/overview.html")),
    ("console/settings.html", include_str!("../../templates/console/settings.html")),
    ("console/settings_try.html", include_str!("../../templates/console/settings_try.html")),
    ("console/notices.html", include_str!("../../templates/console/notices.html")),
    ("console/tokens.html", include_str!("../../templates/console/tokens.html")),
    ("console/token_new.html", include_str!("../../templates/console/token_new.html")),
    ("console/token_shown.html", include_str!("../../templates/console/token_shown.html")),
    ("console/tokens_delete.html", include_str!("../../templates/console/tokens_delete.html")),
    ("console/api.html", include_str!("../../templates/console/api.html")),
    ("console/api_rows.html", include_str!("../../templates/console/api_rows.html")),
    ("console/api_document.html", include_str!("../../templates/console/api_document.html")),
];

static TEMPLATES: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    // A name that a page lacks is a fault of ours, and no empty place. What is put into `.html` is escaped by default.
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    for (name, source) in ALL {
        if let Err(error) = environment.add_template(name, source) {
            tracing::error!(%error, name, "a template cannot be read");
        }
    }
    environment
});

/// Fills a page's template.
pub(super) fn render<T: Page>(page: &T) -> Result<String, Error> {
    TEMPLATES.get_template(T::TEMPLATE)?.render(Serde(page))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]
    use super::*;

    #[test]
    fn every_template_can_be_read_and_escapes_what_is_put_into_it() {
        for (name, source) in ALL {
            TEMPLATES.get_template(name).unwrap();
            assert!(!source.contains("|safe") && !source.contains("autoescape"), "{name}");
        }
        assert_eq!(
            std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/templates/console")).unwrap().count(),
            ALL.len()
        );
    }

    #[test]
    fn no_template_has_a_script_or_a_style_in_its_text() {
        for (name, source) in ALL {
            for (place, _) in source.match_indices("<script") {
                let tag = source.get(place..).unwrap_or_default();
                assert!(tag.starts_with("<script src=") && tag.contains("defer></script>"), "{name}");
            }
            for forbidden in ["<style", " style=", "javascript:", " onclick", " onload", " onsubmit", " onerror"] {
                assert!(!source.contains(forbidden), "{forbidden} in {name}");
            }
        }
    }
}
