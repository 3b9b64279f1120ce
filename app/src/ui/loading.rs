//! Content that is fetched: a calm placeholder while it loads, the page when it is there, or what went wrong.

use leptos::prelude::*;
use serde::{Serialize, de::DeserializeOwned};

use super::page::ErrorPage;
use crate::error::PageError;

/// Shows `render` with what the resource holds. Keeps the old content while it is fetched anew.
pub fn loaded<T>(
    resource: Resource<Result<T, PageError>>,
    render: impl Fn(T) -> AnyView + Clone + Send + Sync + 'static,
) -> AnyView
where
    T: Clone + Serialize + DeserializeOwned + Send + Sync + 'static,
{
    view! {
        <Transition fallback=Skeleton>
            {move || {
                let render = render.clone();
                Suspend::new(async move {
                    match resource.await {
                        Ok(content) => render(content),
                        Err(error) => view! { <ErrorPage error/> }.into_any(),
                    }
                })
            }}
        </Transition>
    }
    .into_any()
}

#[component]
pub fn Skeleton() -> impl IntoView {
    view! {
        <div class="skeleton-stack" role="status" aria-label="Loading">
            <div class="skeleton skeleton-title"></div>
            <div class="skeleton skeleton-block"></div>
            <div class="skeleton skeleton-block"></div>
        </div>
    }
    .into_any()
}
