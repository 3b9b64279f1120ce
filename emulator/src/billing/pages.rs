//! The pages that a buyer sees. Plain forms: they work without scripts.

use axum::response::Html;
use serde_json::Value;

use super::field;

fn page(title: &str, body: &str) -> Html<String> {
    Html(format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>{title}</title>\
         <meta name=\"viewport\" content=\"width=device-width\"><link rel=\"icon\" href=\"data:,\"><main><h1>{title}</h1>{body}</main></html>"
    ))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

pub fn checkout(session: &Value, refusal: Option<&str>) -> Html<String> {
    if session["status"] == "expired" {
        return page("Expired", "<p>This page has expired. Go back to where you came from and begin again.</p>");
    }
    if session["status"] != "open" {
        return paid();
    }
    let refusal = refusal.map(|why| format!("<p role=\"alert\">{}</p>", escaped(why))).unwrap_or_default();
    let (id, price) = (escaped(field(session, "id")), escaped(field(session, "price")));
    let email = escaped(session["customer_email"].as_str().unwrap_or("buyer@example.com"));
    page(
        "Checkout",
        &format!(
            "{refusal}<p>A subscription to {price}.</p><form method=\"post\" action=\"/stripe/checkout/{id}/pay\">\
             <p><label>E-mail <input type=\"email\" name=\"email\" value=\"{email}\"></label></p>\
             <p><label>Card <select name=\"card\"><option value=\"good\">one that pays</option>\
             <option value=\"declined\">one that is declined</option></select></label></p>\
             <button>Pay</button></form>"
        ),
    )
}

pub fn paid() -> Html<String> {
    page("Paid", "<p>Thank you.</p>")
}

pub fn portal(id: &str, subscriptions: &[Value], back: &str) -> Html<String> {
    let one = |subscription: &Value| {
        let name = escaped(field(subscription, "id"));
        let state = if subscription["cancel_at_period_end"] == true {
            "ends with its period"
        } else {
            field(subscription, "status")
        };
        let button = |when: &str, text: &str| format!("<button name=\"when\" value=\"{when}\">{text}</button>");
        format!(
            "<li>{name}: {} <form method=\"post\" action=\"/stripe/portal/{}/cancel\">\
             <input type=\"hidden\" name=\"subscription\" value=\"{name}\">{} {}</form></li>",
            escaped(state),
            escaped(id),
            button("now", "Cancel now"),
            button("at_period_end", "Cancel at the end of the period"),
        )
    };
    let items: String = subscriptions.iter().map(one).collect();
    let items = if items.is_empty() { "<p>No subscription.</p>".to_owned() } else { format!("<ul>{items}</ul>") };
    page("Your subscriptions", &format!("{items}<p><a href=\"{}\">Back</a></p>", escaped(back)))
}
