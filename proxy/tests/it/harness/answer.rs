//! An answer, read to its end.

use http::HeaderMap;
use serde_json::Value;
use sha2::{Digest, Sha256};

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {} {}", self.status, self.text()))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("ASCII"))
    }

    /// The rejection's stable code, in any provider's error shape.
    pub fn code(&self) -> String {
        let body = self.json();
        let own = keyward_domain::error_shape::code_in(&body);
        let code = own.or_else(|| body["error"]["code"].as_str());
        code.unwrap_or_else(|| panic!("no code in {body}")).to_owned()
    }

    pub fn sha256(&self) -> String {
        hex::encode(Sha256::digest(&self.body))
    }

    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text());
        self
    }
}
