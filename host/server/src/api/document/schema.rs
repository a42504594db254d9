//! Short words for schemas, and the forms that many of them share.

use jeton_policy::authority::{LAST_EXPIRY, MAX_AUDIENCE_LENGTH, MAX_AUDIENCES, MAX_NAME_LENGTH, MAX_NOTE_LENGTH};
use jeton_policy::authority::{MAX_OWNER_LENGTH, REFRESH_TOKEN_EXPIRATION};
use jeton_policy::network::MAX_NETWORKS;
use jeton_policy::refresh_token;
use jeton_policy::scope::{MAX_SCOPE_LENGTH, MAX_SCOPES};
use serde_json::{Value, json};
use utoipa::openapi::schema::{
    AdditionalProperties, ArrayBuilder, KnownFormat, Object, ObjectBuilder, OneOfBuilder, Schema, SchemaFormat,
    SchemaType, Type,
};
use utoipa::openapi::{Ref, RefOr};

/// A schema, or the name of one.
pub(super) type Said = RefOr<Schema>;

/// Characters of the id of a refresh token.
const ID_PATTERN: &str = "^[0-9A-Za-z]{22}$";
/// Characters of a `jti`.
const JTI_PATTERN: &str = "^[0-9A-Za-z]{55}$";
/// What a scope is made of (RFC 6749 section 3.3).
const SCOPE_PATTERN: &str = r"^[!#-\[\]-~]+$";
/// An owner: visible ASCII.
const OWNER_PATTERN: &str = "^[!-~]+$";
/// No control character.
const LINE_PATTERN: &str = r"^[^\x00-\x1f\x7f-\x9f]*$";
/// Every moment, in any offset; answers have `Z`.
const MOMENT: &str = "2027-01-31T12:00:00Z";

/// A schema by its name among the components.
pub(super) fn named(name: &str) -> Said {
    Ref::from_schema_name(name).into()
}

/// A text of any length.
pub(super) fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

/// A text of this form.
pub(super) fn like(pattern: &str) -> ObjectBuilder {
    text().pattern(Some(pattern))
}

/// A text of so many characters.
pub(super) fn text_of(min: usize, max: usize) -> ObjectBuilder {
    text().min_length(Some(min)).max_length(Some(max))
}

/// One of these words.
pub(super) fn one_of<'a>(words: impl IntoIterator<Item = &'a str>) -> ObjectBuilder {
    text().enum_values(Some(words))
}

/// A moment (RFC 3339).
pub(super) fn moment() -> ObjectBuilder {
    text().format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime))).examples([MOMENT])
}

/// A whole number within these bounds.
pub(super) fn whole(min: u64, max: u64) -> ObjectBuilder {
    from(min).maximum(Some(max))
}

/// A whole number from this one on.
pub(super) fn from(min: u64) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(min))
}

/// A number that a caller sends.
pub(super) fn number() -> ObjectBuilder {
    whole(0, u64::MAX)
}

/// A yes or a no.
pub(super) fn truth() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::Boolean)
}

/// Nothing but `true`.
pub(super) fn only_true() -> ObjectBuilder {
    truth().enum_values(Some([true]))
}

/// The same, or `null`.
pub(super) fn or_null(schema: ObjectBuilder) -> ObjectBuilder {
    let mut object = schema.build();
    if let SchemaType::Type(kind) = object.schema_type.clone() {
        object.schema_type = [kind, Type::Null].into_iter().collect();
    }
    if let Some(values) = &mut object.enum_values {
        values.push(Value::Null);
    }
    object.into()
}

/// A list of these.
pub(super) fn list(item: impl Into<Said>) -> ArrayBuilder {
    let item: Said = item.into();
    ArrayBuilder::new().items(item)
}

/// A list of at most so many.
pub(super) fn list_of(item: impl Into<Said>, max: usize) -> ArrayBuilder {
    list(item).max_items(Some(max))
}

/// A list that may be `null`.
pub(super) fn list_or_null(list: ArrayBuilder) -> ArrayBuilder {
    list.schema_type([Type::Array, Type::Null].into_iter().collect::<SchemaType>())
}

/// Exactly one of these.
pub(super) fn either(schemas: impl IntoIterator<Item = Said>) -> Said {
    schemas.into_iter().fold(OneOfBuilder::new(), |one, schema| one.item(schema)).into()
}

/// A named schema, or `null`.
pub(super) fn named_or_null(name: &str) -> Said {
    either([named(name), null().into()])
}

/// Whatever it is.
pub(super) fn anything() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(SchemaType::AnyValue)
}

/// Nothing but `null`.
pub(super) fn null() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::Null)
}

/// A member of an object.
pub(super) struct Member {
    name: &'static str,
    schema: Said,
    is_required: bool,
}

/// A member that is always there.
pub(super) fn must(name: &'static str, says: &str, schema: impl Into<Said>) -> Member {
    Member { name, schema: saying(schema.into(), says), is_required: true }
}

/// A member that may be left out.
pub(super) fn may(name: &'static str, says: &str, schema: impl Into<Said>) -> Member {
    Member { name, schema: saying(schema.into(), says), is_required: false }
}

/// An object of these members and no others.
pub(super) fn object(members: impl IntoIterator<Item = Member>) -> ObjectBuilder {
    open_object(members).additional_properties(Some(AdditionalProperties::FreeForm(false)))
}

/// An object of these members, and of others that are passed over.
pub(super) fn open_object(members: impl IntoIterator<Item = Member>) -> ObjectBuilder {
    members.into_iter().fold(ObjectBuilder::new().schema_type(Type::Object), |object, member| {
        let object = object.property(member.name, member.schema);
        if member.is_required { object.required(member.name) } else { object }
    })
}

/// With what it is for.
fn saying(mut schema: Said, says: &str) -> Said {
    let says = (!says.is_empty()).then(|| says.to_owned());
    match &mut schema {
        RefOr::T(Schema::Object(Object { description, .. })) => *description = says,
        RefOr::T(Schema::Array(array)) => array.description = says,
        RefOr::T(Schema::OneOf(one)) => one.description = says,
        RefOr::Ref(name) => name.description = says.unwrap_or_default(),
        RefOr::T(_) => {}
    }
    schema
}

/// The id of a refresh token.
pub(super) fn id() -> ObjectBuilder {
    like(ID_PATTERN).examples(["7mH7s6lg79RIaS3eD7phsT"])
}

/// The id of an access token.
pub(super) fn jti() -> ObjectBuilder {
    like(JTI_PATTERN)
}

/// A refresh token: shown once, where it is made.
pub(super) fn refresh_token() -> ObjectBuilder {
    let body = refresh_token::LENGTH.saturating_sub(refresh_token::PREFIX.len());
    like(&format!("^{}[0-9A-Za-z]{{{body}}}$", refresh_token::PREFIX))
}

/// A name that is given.
pub(super) fn name() -> ObjectBuilder {
    part_of_name().pattern(Some(LINE_PATTERN))
}

/// What a name is looked for by.
pub(super) fn part_of_name() -> ObjectBuilder {
    text_of(1, MAX_NAME_LENGTH).examples(["nightly job"])
}

/// An owner that is asked for.
pub(super) fn owner() -> ObjectBuilder {
    text_of(1, MAX_OWNER_LENGTH).pattern(Some(OWNER_PATTERN)).examples(["alice@example.com"])
}

/// Scopes that are asked for.
pub(super) fn scopes() -> ArrayBuilder {
    let scope = text_of(1, MAX_SCOPE_LENGTH).pattern(Some(SCOPE_PATTERN));
    list_of(scope, MAX_SCOPES).examples([json!(["reports:read"])])
}

/// Networks that are asked for.
pub(super) fn networks() -> ArrayBuilder {
    list_of(text(), MAX_NETWORKS).examples([json!(["192.0.2.0/24"])])
}

/// Audiences that are asked for.
pub(super) fn audiences() -> ArrayBuilder {
    list_of(text_of(1, MAX_AUDIENCE_LENGTH), MAX_AUDIENCES).examples([json!(["https://reports.example"])])
}

/// A note that is given.
pub(super) fn note() -> ObjectBuilder {
    text().max_length(Some(MAX_NOTE_LENGTH)).pattern(Some(LINE_PATTERN)).examples(["found in a log"])
}

/// Seconds until a refresh token expires.
pub(super) fn expires_in() -> ObjectBuilder {
    whole(REFRESH_TOKEN_EXPIRATION.start().0, LAST_EXPIRY.0).examples([7_776_000])
}

/// Texts, as an answer lists them.
pub(super) fn texts() -> ArrayBuilder {
    list(text())
}
