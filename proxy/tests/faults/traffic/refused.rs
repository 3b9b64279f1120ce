//! What must be refused: what no rule allows, forged tokens, and more than a limit.

use futures::future::join_all;
use reqwest::Method;
use serde_json::json;

use super::Traffic;
use super::ask::{Ask, Payload};
use crate::dice::Dice;
use crate::judge::limits::Measured;
use crate::leaks::PROMPT;

const FORBIDDEN: [(&str, &str); 5] = [
    ("GET", "/v1/organization/users"),
    ("DELETE", "/v1/models/gpt-4o"),
    ("GET", "/v1/chat/completions"),
    ("POST", "/v1/fine_tuning/jobs"),
    ("GET", "/v1/files/%2e%2e/organization"),
];

impl Traffic {
    pub async fn ask_for_the_forbidden(&self, dice: &mut Dice) {
        let user = self.name("curious");
        let proxy = &self.site.proxies.openai;
        let ask = if dice.below(3) == 0 {
            let token = Some(self.tokens.forged(&user).await);
            Ask { token, metered: false, ..Ask::get(proxy, "/v1/models", &user) }
        } else {
            let (method, path) = dice.one_of(&FORBIDDEN);
            let method = Method::from_bytes(method.as_bytes()).expect("a method");
            // What is not even a path is refused before anybody asks who calls.
            Ask { metered: !path.contains('%'), method, ..Ask::get(proxy, path, &user) }
        };
        let what = format!("{} {}", ask.method, ask.path);
        if let Some(told) = self.call(ask, dice).await
            && told.status < 400
        {
            self.journal.wrong(format!("{what} was allowed with {}", told.status));
        }
    }

    /// Of a few users, so that each comes to the end of what they may, and several calls at once for the last of it.
    pub async fn use_up(&self, (name, measured): (&str, Measured), number: u64, dice: &mut Dice) {
        let user = format!("{name}{number}{}", self.ending);
        join_all((0..4).map(|at| self.use_some(measured, &user, dice.for_part(at)))).await;
    }

    async fn use_some(&self, measured: Measured, user: &str, mut dice: Dice) {
        let model = self.model();
        let proxy = match measured {
            Measured::Requests => &self.site.proxies.counted,
            Measured::Tokens => &self.site.proxies.budgeted,
            Measured::Money => &self.site.proxies.paying,
            Measured::TalkMoney => return self.talk_for_money(user, &mut dice).await,
        };
        let body = json!({"model": model, "max_tokens": 20, "messages": [{"role": "user", "content": format!("{PROMPT} h i j")}]});
        let ask = Ask {
            method: Method::POST,
            model: Some(&model),
            body: Payload::Json(body),
            ..Ask::get(proxy, "/v1/chat/completions", user)
        };
        if let Some(told) = self.call(ask, &mut dice).await
            && ![200, 402, 429].contains(&told.status)
        {
            self.journal.late(format!("a call with a limit was refused with {}: {}", told.status, told.text()));
        }
    }
}
