//! What a client may say over a socket: read like a body where a rule, an object or the model's name may stand in it.

use std::sync::Arc;

use bytes::Bytes;
use keyward_domain::body_rules::{BodyRefusal, Ruling, check_message};
use keyward_domain::json_edit::{self, Edit};
use keyward_domain::rejection::{Rejection, SocketRefusal};
use keyward_domain::sockets::{Binary, SocketProtocol};
use keyward_domain::strict_json;
use serde_json::Value;
use tokio::sync::Mutex;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

use crate::edge::Edge;
use crate::snapshot::ServedProxy;
use crate::socket::turns::Turns;
use crate::steps::ownership::Claim;

pub struct Gate {
    pub edge: Arc<Edge>,
    pub proxy: Arc<ServedProxy>,
    pub claim: Arc<Claim>,
    pub protocol: SocketProtocol,
    pub ruling: Option<Ruling>,
    /// The message that names the model was there.
    pub is_introduced: bool,
}

impl Gate {
    /// What goes to the provider instead; a message that is neither text nor bytes is not for it.
    pub async fn admit(&mut self, message: Message, turns: &Mutex<Turns>) -> Result<Message, Rejection> {
        match (&message, self.protocol.binary()) {
            (Message::Text(text), _) if self.reads_text() => {
                let text = Bytes::from(text.clone());
                Ok(match self.read(&text, turns).await? {
                    None => message,
                    Some(changed) => Message::Text(Utf8Bytes::try_from(changed).map_err(|_| unreadable())?),
                })
            }
            (Message::Binary(bytes), Binary::Json) => {
                let bytes = bytes.clone();
                Ok(self.read(&bytes, turns).await?.map_or(message, Message::Binary))
            }
            (Message::Binary(_), Binary::Passed) if self.protocol.is_json() || !self.must_see() => Ok(message),
            (Message::Binary(_), _) => Err(refused("it is bytes, and text is spoken here")),
            (_, _) => Ok(message),
        }
    }

    fn reads_text(&self) -> bool {
        self.protocol.is_json() || self.must_see()
    }

    /// Something that must not pass unseen may stand in any message.
    fn must_see(&self) -> bool {
        self.ruling.is_some() || self.claim.demands.reads_body
    }

    async fn read(&mut self, text: &Bytes, turns: &Mutex<Turns>) -> Result<Option<Bytes>, Rejection> {
        let mut value = strict_json::parse(text).map_err(|_| unreadable())?;
        let edits = self.edits(&value)?;
        let changed = match edits.is_empty() {
            true => None,
            false => Some(Bytes::from(json_edit::apply(text, &edits).ok_or_else(unreadable)?)),
        };
        if let Some(changed) = &changed {
            value = strict_json::parse(changed).map_err(|_| unreadable())?;
        }
        self.check_model(&value, turns).await?;
        self.check_objects(&value).await?;
        Ok(changed)
    }

    fn edits(&self, value: &Value) -> Result<Vec<Edit>, Rejection> {
        let mut edits = match &self.ruling {
            Some(ruling) => check_message(ruling, value).map_err(Rejection::Body)?,
            None => Vec::new(),
        };
        let credentials = self.protocol.credentials().iter().filter(|name| value.get(**name).is_some());
        edits.extend(credentials.map(|name| Edit::Remove { place: vec![(*name).to_owned()] }));
        Ok(edits)
    }

    /// It is the one that was asked for when the socket was opened, or is named first of all and once.
    async fn check_model(&mut self, value: &Value, turns: &Mutex<Turns>) -> Result<(), Rejection> {
        let named = self.protocol.model(value);
        let Some(opening) = self.protocol.opening() else {
            let Some(named) = named else { return Ok(()) };
            let asked = turns.lock().await.model.clone();
            let is_same = named.as_str().is_some_and(|name| asked.as_deref() == Some(name));
            let name = || named.as_str().unwrap_or_default().chars().take(80).collect();
            return if is_same { Ok(()) } else { Err(Rejection::Body(BodyRefusal::Model { name: name() })) };
        };
        match (self.is_introduced, value.get(opening).is_some()) {
            (true, false) => Ok(()),
            (true, true) => Err(refused("the model is named once, in the first message")),
            (false, _) => {
                let name = named.and_then(Value::as_str).filter(|name| !name.is_empty());
                let name = name.ok_or_else(|| refused("the first message must name the model"))?;
                turns.lock().await.begin(Some(name)).await?;
                self.is_introduced = true;
                Ok(())
            }
        }
    }

    async fn check_objects(&self, value: &Value) -> Result<(), Rejection> {
        let wanted = self.claim.demands.named_in_body(value);
        if wanted.is_empty() {
            return Ok(());
        }
        let unknown = self.edge.ledger.unknown_among(&self.claim.holder, &wanted).await?;
        let is_shared = |resource| self.proxy.policy.shared.contains(resource);
        if unknown.iter().all(is_shared) { Ok(()) } else { Err(Rejection::ResourceNotFound) }
    }
}

fn refused(reason: &'static str) -> Rejection {
    Rejection::Socket(SocketRefusal::Message { reason })
}

fn unreadable() -> Rejection {
    refused("it is not JSON that can be read in one way only")
}
