//! Files of users: kept, read again, deleted, and asked for by others who must not see them.

use reqwest::Method;
use serde_json::Value;

use super::Traffic;
use super::ask::{Ask, Payload};
use crate::dice::Dice;
use crate::leaks::CONTENT;

#[derive(Clone, Debug)]
pub struct Kept {
    pub owner: String,
    pub id: String,
    pub content: String,
}

impl Traffic {
    /// Each owner and each stranger does this once, so that their events can be told apart.
    pub async fn keep_a_file(&self, dice: &mut Dice) {
        let owner = self.name("owner");
        let content = format!("{CONTENT} of {owner}");
        let proxy = &self.site.proxies.openai;
        let upload =
            Ask { method: Method::POST, body: Payload::File(content.clone()), ..Ask::get(proxy, "/v1/files", &owner) };
        let Some(told) = self.call(upload, dice).await else { return };
        let reply = serde_json::from_slice::<Value>(&told.body).unwrap_or_default();
        let Some(id) = reply["id"].as_str().filter(|_| told.is_whole && told.status == 200) else { return };
        self.keep(Kept { owner: owner.clone(), id: id.to_owned(), content: content.clone() });
        self.pry(dice).await;

        let path = format!("/v1/files/{id}/content");
        if let Some(told) = self.call(Ask::get(proxy, path, &owner), dice).await {
            // The id was told, so its owner is on record: for good, whatever failed since.
            let lost = told.status == 404;
            let other = told.status == 200 && told.is_whole && told.body != content.as_bytes();
            if lost || other {
                self.journal.wrong(format!("{owner} asked for a file of their own and was told {}", told.status));
            }
        }
        if dice.below(3) == 0 {
            let delete = Ask { method: Method::DELETE, ..Ask::get(proxy, format!("/v1/files/{id}"), &owner) };
            self.call(delete, dice).await;
        }
    }

    /// A stranger looks for somebody else's file in every way there is.
    async fn pry(&self, dice: &mut Dice) {
        let Some(file) = self.some_file(dice) else { return };
        let (stranger, proxy) = (self.name("stranger"), &self.site.proxies.openai);
        let path = format!("/v1/files/{}", file.id);
        let ways = [
            (Method::GET, path.clone()),
            (Method::GET, format!("{path}/content")),
            (Method::GET, "/v1/files".to_owned()),
            (Method::DELETE, path),
        ];
        for (method, path) in ways {
            let is_list = path == "/v1/files";
            let Some(told) = self.call(Ask { method, ..Ask::get(proxy, path, &stranger) }, dice).await else {
                continue;
            };
            let text = told.text();
            let is_seen = text.contains(&file.content) || (is_list && text.contains(&file.id));
            if is_seen || (!is_list && told.status < 400) {
                self.journal.wrong(format!("{stranger} was shown what is {}'s ({})", file.owner, told.status));
            }
        }
    }
}
