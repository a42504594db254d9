//! Single sign-on: by which provider, as which client, and who may do what.

use std::{path::PathBuf, str::FromStr};

use super::ConfigError;
use crate::{accounts::role::Role, client::is_loopback};

/// The claim that names people, unless said otherwise (OpenID Connect Core section 5.1).
const DEFAULT_NAME_CLAIM: &str = "preferred_username";
/// The claim that roles follow from, unless said otherwise: what most providers call it.
const DEFAULT_ROLE_CLAIM: &str = "groups";
/// What is asked of the provider beside `openid`, unless said otherwise: where the claims above usually are.
const DEFAULT_SCOPES: [&str; 2] = ["profile", "email"];

/// Who has which role: whose role claim says the value.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(try_from = "String")]
pub struct RoleRule {
    /// A value of the role claim.
    pub value: String,
    /// The role of whom it is said.
    pub role: Role,
}

/// Why something is no [`RoleRule`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a rule for roles is VALUE=ROLE, such as token-admins=admin; roles are admin, operator, viewer and member")]
pub struct RoleRuleError;

impl FromStr for RoleRule {
    type Err = RoleRuleError;

    fn from_str(text: &str) -> Result<Self, RoleRuleError> {
        // The value may have the sign in it, as the distinguished names of directories do.
        let (value, role) = text.rsplit_once('=').ok_or(RoleRuleError)?;
        let role = Role::named(role.trim()).ok_or(RoleRuleError)?;
        if value.is_empty() { Err(RoleRuleError) } else { Ok(Self { value: value.to_owned(), role }) }
    }
}

impl TryFrom<String> for RoleRule {
    type Error = RoleRuleError;

    fn try_from(text: String) -> Result<Self, RoleRuleError> {
        text.parse()
    }
}

/// Single sign-on as it is in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SsoConfig {
    /// The provider (OpenID Connect Discovery section 3).
    pub issuer: String,
    /// What it knows this authority by.
    pub client_id: String,
    /// Where the client's secret lies. `None`: a public client.
    pub client_secret_file: Option<PathBuf>,
    /// Where the provider sends people back to. `None`: to the issuer of tokens.
    pub redirect_uri: Option<String>,
    /// Certificates of which one vouches for the provider.
    pub ca_file: Option<PathBuf>,
    /// Scopes asked for beside `openid`.
    pub scopes: Vec<String>,
    /// The claim that names the account.
    pub name_claim: String,
    /// The claim that roles follow from.
    pub role_claim: String,
    /// Who has which role.
    pub roles: Vec<RoleRule>,
    /// No password signs in.
    pub only: bool,
}

/// What was said of it.
pub(super) struct Given {
    pub(super) issuer: Option<String>,
    pub(super) client_id: Option<String>,
    pub(super) client_secret_file: Option<PathBuf>,
    pub(super) redirect_uri: Option<String>,
    pub(super) ca_file: Option<PathBuf>,
    pub(super) scopes: Option<Vec<String>>,
    pub(super) name_claim: Option<String>,
    pub(super) role_claim: Option<String>,
    pub(super) roles: Option<Vec<RoleRule>>,
    pub(super) only: Option<bool>,
}

impl Given {
    fn says_anything(&self) -> bool {
        self.issuer.is_some()
            || self.client_id.is_some()
            || self.client_secret_file.is_some()
            || self.redirect_uri.is_some()
            || self.ca_file.is_some()
            || self.scopes.is_some()
            || self.name_claim.is_some()
            || self.role_claim.is_some()
            || self.roles.is_some()
            || self.only == Some(true)
    }

    /// What is in force: nothing where nothing was said, all of it or an error where something was.
    pub(super) fn resolve(self) -> Result<Option<SsoConfig>, ConfigError> {
        if !self.says_anything() {
            return Ok(None);
        }
        let missing = ConfigError::HalfASingleSignOn;
        let issuer = self.issuer.ok_or(missing("sso-issuer"))?;
        if !is_trustworthy(&issuer) {
            return Err(ConfigError::SsoIssuer);
        }
        Ok(Some(SsoConfig {
            issuer,
            client_id: self.client_id.ok_or(missing("sso-client-id"))?,
            client_secret_file: self.client_secret_file,
            redirect_uri: self.redirect_uri,
            ca_file: self.ca_file,
            scopes: self.scopes.unwrap_or_else(|| DEFAULT_SCOPES.map(str::to_owned).to_vec()),
            name_claim: self.name_claim.unwrap_or_else(|| DEFAULT_NAME_CLAIM.to_owned()),
            role_claim: self.role_claim.unwrap_or_else(|| DEFAULT_ROLE_CLAIM.to_owned()),
            roles: self.roles.filter(|roles| !roles.is_empty()).ok_or(missing("sso-role"))?,
            only: self.only.unwrap_or(false),
        }))
    }
}

/// Whether what is fetched from there comes from there.
fn is_trustworthy(issuer: &str) -> bool {
    let Ok(url) = issuer.parse::<http::Uri>() else { return false };
    let Some(authority) = url.authority() else { return false };
    let is_plain = !authority.as_str().contains('@') && url.query().is_none() && !issuer.contains('#');
    is_plain
        && (url.scheme_str() == Some("https") || (url.scheme_str() == Some("http") && is_loopback(authority.host())))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]
    use super::*;
    use crate::config::{FileOptions, ServeOptions};

    fn resolved(file: &str) -> Result<Option<SsoConfig>, ConfigError> {
        ServeOptions::default().or(FileOptions::parse(file).unwrap()).resolve().map(|config| config.sso)
    }

    #[test]
    fn single_sign_on_is_said_whole_or_not_at_all() {
        assert_eq!(resolved(""), Ok(None));
        assert_eq!(resolved("sso-only = false"), Ok(None));
        let whole = "sso-issuer = \"https://login.example\"\nsso-client-id = \"jeton\"\nsso-role = [\"ops=admin\"]";
        let config = resolved(whole).unwrap().unwrap();
        assert_eq!((config.name_claim.as_str(), config.role_claim.as_str()), ("preferred_username", "groups"));
        assert_eq!(config.scopes, ["profile", "email"]);
        assert!(!config.only);
        for (without, named) in whole.lines().zip(["sso-issuer", "sso-client-id", "sso-role"]) {
            let rest: Vec<&str> = whole.lines().filter(|line| *line != without).collect();
            assert_eq!(resolved(&rest.join("\n")), Err(ConfigError::HalfASingleSignOn(named)));
        }
        assert_eq!(resolved("sso-only = true"), Err(ConfigError::HalfASingleSignOn("sso-issuer")));
    }

    #[test]
    fn a_provider_is_asked_only_where_nobody_listens_in() {
        for good in
            ["https://login.example", "https://login.example/realms/a", "http://127.0.0.1:9", "http://localhost:9"]
        {
            assert!(is_trustworthy(good), "{good}");
        }
        for bad in [
            "http://login.example",
            "login.example",
            "https://a@login.example",
            "https://login.example?a=b",
            "ftp://login.example",
            "",
        ] {
            assert!(!is_trustworthy(bad), "{bad}");
        }
    }

    #[test]
    fn a_rule_for_roles_names_a_value_and_a_role() {
        let rule = |text: &str| text.parse::<RoleRule>();
        assert_eq!(rule("ops=admin"), Ok(RoleRule { value: "ops".to_owned(), role: Role::Admin }));
        assert_eq!(rule("cn=ops,o=house=viewer").unwrap().value, "cn=ops,o=house");
        for bad in ["", "ops", "=admin", "ops=", "ops=root"] {
            assert_eq!(rule(bad), Err(RoleRuleError), "{bad}");
        }
    }
}
