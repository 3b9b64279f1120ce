//! What the developer allows in a body: refused, or changed where the rule says so. What goes on from here is what the
//! provider gets, and what is metered.

use bytes::Bytes;
use http::Method;
use keyward_domain::body_rules::{BodyRefusal, Call, EndUser, Ruling, apply};
use keyward_domain::json_edit::{self, Edit};
use keyward_domain::multipart::Form;
use keyward_domain::rejection::Rejection;
use keyward_domain::strict_json;

use crate::snapshot::ServedProxy;
use crate::steps::authenticate::Caller;
use crate::steps::authorize::Endpoint;
use crate::steps::upload::Upload;

pub fn obey(
    proxy: &ServedProxy,
    caller: &Caller,
    endpoint: &mut Endpoint,
    method: &Method,
    upload: Upload,
) -> Result<Upload, Rejection> {
    let Some(ruling) = endpoint.ruling.take() else { return Ok(upload) };
    // DELETE needs no body; where one is expected, its absence leaves every choice to the provider.
    let Some(body) = upload.value() else {
        let is_bodiless = *method == Method::DELETE && matches!(upload, Upload::Empty);
        return if is_bodiless { Ok(upload) } else { Err(unreadable()) };
    };
    let named = ruling.template.full_name("model", &endpoint.path);
    let end_user = match ruling.rule.end_user {
        EndUser::Free => String::new(),
        EndUser::Hashed => proxy.end_user_name(caller.subject()).ok_or(Rejection::ProviderKeyUnusable)?,
    };
    let call = Call { fields: ruling.fields, body, model_in_path: named.as_deref(), end_user: &end_user };
    let changes = apply(&ruling.rule, &call).map_err(Rejection::Body)?;
    if let Some(model) = changes.model_in_path {
        let renamed = ruling.template.renamed("model", &endpoint.path, &model);
        endpoint.upstream_path = renamed.ok_or(Rejection::Body(BodyRefusal::Model { name: model.clone() }))?;
        endpoint.model_in_path = model.rsplit('/').next().map(str::to_owned);
    }
    if changes.edits.is_empty() { Ok(upload) } else { edited(upload, &changes.edits, &ruling) }
}

/// A change that the body has no place for is refused: without it, the rule would not hold.
fn edited(upload: Upload, edits: &[Edit], ruling: &Ruling) -> Result<Upload, Rejection> {
    match upload {
        Upload::Json { bytes, mut value, mut held } => {
            let edited = Bytes::from(json_edit::apply(&bytes, edits).ok_or_else(unreadable)?);
            if !json_edit::apply_to_members(&mut value, edits) {
                drop((bytes, value));
                return Upload::json(edited, held);
            }
            held.grow_by(2 * edited.len().saturating_sub(bytes.len()) + edits.len() * strict_json::MAP_BYTES)?;
            Ok(Upload::Json { bytes: edited, value, held })
        }
        Upload::Form { bytes, boundary: Some(boundary), _held, .. } => {
            let refused = |error| Rejection::Body(BodyRefusal::Form(error));
            let (read, numbers) = (ruling.fields.top_members(), ruling.fields.number_members());
            let form = Form::parse(&bytes, &boundary, &read).map_err(refused)?;
            let bytes = Bytes::from(form.edited(edits).ok_or_else(unreadable)?);
            let form = Form::parse(&bytes, &boundary, &read).map_err(refused)?;
            let fields = form.fields(&numbers).map_err(refused)?;
            Ok(Upload::Form { bytes, boundary: Some(boundary), fields, _held })
        }
        Upload::Empty | Upload::Form { boundary: None, .. } | Upload::Streamed(_) => Err(unreadable()),
    }
}

fn unreadable() -> Rejection {
    Rejection::Body(BodyRefusal::Unreadable { field: "body".to_owned() })
}
