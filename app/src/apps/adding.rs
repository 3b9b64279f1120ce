//! Adding a part to an app: a choice in the address, then the form of what was chosen.

use keyward_domain::ids::AppId;
use leptos::prelude::*;

use super::api::app_name;
use super::app_id;
use crate::deployment::Deployment;
use crate::ui::loading::loaded;
use crate::ui::page::{Crumb, PageHead};

/// `content` is what can be chosen in this installation, and the form.
pub fn adding(
    title: &'static str,
    lead: &'static str,
    content: impl Fn(AppId, Deployment) -> AnyView + Clone + Send + Sync + 'static,
) -> AnyView {
    let id = app_id();
    let resource = Resource::new(
        move || id.get(),
        |id| async move {
            let id = id?;
            let (name, deployment) = app_name(id).await?;
            Ok((id, name, deployment))
        },
    );
    loaded(resource, move |(id, name, deployment)| {
        let crumbs = vec![Crumb::new("Apps", "/apps"), Crumb::new(name, format!("/apps/{id}"))];
        view! {
            <PageHead title lead crumbs/>
            {content(id, deployment)}
        }
        .into_any()
    })
}
