//! The table's own form: what one endpoint does with ids of upstream objects. Described in docs/ownership.md.

use serde::{Deserialize, Serialize};
use serde_json::Value;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OwnershipRule {
    pub method: String,
    pub template: String,
    /// Ids minted by this call: recorded before the client sees them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub creates: Vec<Creates>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub creates_in_headers: Vec<CreatesInHeader>,
    /// Path parameters that must belong to the caller.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub requires: Vec<Requires>,
    /// Query parameters that must belong to the caller.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names_in_query: Vec<NamesInField>,
    /// Body fields that must belong to the caller.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names_in_body: Vec<NamesInBody>,
    /// Fields of a form that must belong to the caller; the form is then read whole.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names_in_form: Vec<NamesInField>,
    /// The body names a file of calls that the provider makes later (a batch): each of them is read as if it were made now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reads_calls: Option<ReadsCalls>,
    /// The reply is a list of which only the caller's own items pass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filters: Option<FiltersList>,
    /// The body may also be a form. Without `names_in_form` its fields name no object, and it is passed on unread.
    #[serde(default, skip_serializing_if = "is_false")]
    pub multipart: bool,
    /// The body is bytes, whatever its type says: it names no object and is passed on unread.
    #[serde(default, skip_serializing_if = "is_false")]
    pub bytes: bool,
    /// A successful reply ends the ownership of this path parameter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forgets: Option<Requires>,
    /// Where addresses of the upstream stand in the reply that a client may call next: they become the edge's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rewrites: Vec<String>,
    /// What would lead a client around the edge is taken out of the reply.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub drops: Vec<String>,
}

/// serde hands a reference.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature is serde's")]
fn is_false(flag: &bool) -> bool {
    !*flag
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Creates {
    pub kind: String,
    /// Path in the reply, or in the data of any SSE event; `*` and `**` as in `NamesInBody`.
    pub pointer: String,
    /// Only a string that begins so is an id of this kind.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub prefix: String,
    /// The id is what follows this segment in a name or an address: `files` in `files/abc`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub under: String,
    /// Only if the request's body says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<Condition>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreatesInHeader {
    pub kind: String,
    /// Lower case.
    pub header: String,
    /// The field is an address of the upstream, the id its query parameter; the address becomes the edge's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub param: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Requires {
    pub kind: String,
    pub param: String,
    /// An object that nobody created through the edge may still be everybody's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public: Option<Public>,
}

/// The upstream is asked for the object, and its own words decide.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Public {
    /// A template with one parameter, the id: `/v1/voices/{voice_id}`.
    pub look_up: String,
    pub when: Condition,
}

/// Any value at this path is one of these.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    pub path: String,
    pub is: Vec<Value>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NamesInField {
    pub kind: String,
    /// Of the query parameter, or of the form's field.
    pub name: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NamesInBody {
    pub kind: String,
    /// Path of the field: `/tool_resources/*/file_ids/*`; `*` is every element or member, `**` any depth.
    pub path: String,
    /// As in `Creates`; what can't be read so names an object that nobody owns.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub under: String,
    /// Only an address at one of these hosts, or below, names an object.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<String>,
    /// What begins so names no object of the provider's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub except: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReadsCalls {
    /// Where in the body the file's id stands.
    pub path: String,
    /// Where the file's content is, a template with one parameter; one call a line: `{"method", "url", "body"}`.
    pub content: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FiltersList {
    pub kind: String,
    /// JSON pointer to the array.
    pub items: String,
    /// The id's member within an item.
    pub id: String,
    /// As in `Creates`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub under: String,
    /// Query parameters that name an item of the list; it must be the caller's own. The first leads to the next page.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cursors: Vec<String>,
    /// The most items the upstream gives at once. The edge asks for that many, since most of them may be others'.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page_limit: Option<u32>,
    /// The query parameter of the page's size, if it isn't `limit`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit_param: Option<String>,
    /// Where the upstream gives a token, or an address, for the next page instead of going by ids.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<NextPage>,
    /// Items that are everybody's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_when: Option<Condition>,
    /// Members of the reply that pass beside the items and the cursors; of any other, nobody knows what it tells.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keeps: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NextPage {
    /// The reply's member; absent, empty or null on the last page.
    pub member: String,
    /// The member is an address, the token its query parameter of this name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub param: Option<String>,
}

impl FiltersList {
    pub fn limit_param(&self) -> &str {
        self.limit_param.as_deref().unwrap_or("limit")
    }
}
