//! The wasm entry: makes the page that the server sent come alive.

use wasm_bindgen::prelude::wasm_bindgen;

#[wasm_bindgen]
pub fn hydrate() {
    console_error_panic_hook::set_once();
    leptos::mount::hydrate_body(keyward_app::App);
    // From here on scripts answer clicks; what drives the page can wait for it.
    if let Some(root) = leptos::prelude::document().document_element() {
        // Fails only for a malformed attribute name.
        drop(root.set_attribute("data-alive", ""));
    }
}
