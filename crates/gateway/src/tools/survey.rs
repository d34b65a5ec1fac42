//! What tool servers offer now, for an operator who is to accept it.

use std::collections::BTreeMap;
use std::sync::Arc;

use botwarden_policy::pin::{Pin, PinnedServer};
use botwarden_types::Secret;

use super::Fault;
use super::listing::{definition, odd};
use super::reach::Reach;
use super::server::{ToolServer, Who};
use crate::config::{Bounds, Timeouts, ToolServerConfig};
use crate::upstream::{Pool, TlsRoots, UpstreamError};

/// What a tool server offers.
#[derive(Debug)]
pub struct Survey {
    /// What can be accepted.
    pub offered: PinnedServer,
    /// Tools that nobody can accept, each with what is odd about it.
    pub odd: Vec<(String, String)>,
}

/// Why a tool server could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum SurveyError {
    /// Its configuration cannot be used.
    #[error(transparent)]
    Upstream(#[from] UpstreamError),
    /// It gave no list.
    #[error("{0}")]
    Fault(String),
    /// The application runs its tools.
    #[error("the application runs its tools itself, so that there is nobody to ask")]
    Application,
}

/// Asks a tool server for all it offers. A program is started for it, and ended afterwards.
pub async fn survey(
    config: &ToolServerConfig,
    token: Option<&Secret>,
    bounds: &Bounds,
    timeouts: &Timeouts,
) -> Result<Survey, SurveyError> {
    let server = ToolServer::new(config, token, None, &mut TlsRoots::default())?;
    if !server.is_reachable() {
        return Err(SurveyError::Application);
    }
    let reach = Reach::new(&Arc::<Pool>::default(), bounds, timeouts, config.timeout);
    server.start(bounds.answer_bytes_max, reach.json);
    let who = Who(String::new());
    let asking = async {
        let agreed = server.agreed(&who, &reach).await?;
        let listed = server.list(&who, &agreed, &reach).await?;
        server.leave(&who, &reach).await;
        Ok::<_, Fault>((agreed, listed))
    };
    let (agreed, listed) = asking.await.map_err(|fault| SurveyError::Fault(fault.to_string()))?;
    let mut odd = odd(&listed, &reach.json);
    let (mut tools, mut refused) = (BTreeMap::new(), Vec::new());
    for (at, tool) in listed.into_iter().enumerate() {
        match (odd.remove(&at), definition(&tool, &reach.json)) {
            (None, Some(definition)) => drop(tools.insert(tool.name, Pin::of(&definition))),
            (Some(odd), _) => refused.push((tool.name, odd.to_string())),
            (None, None) => refused.push((tool.name, "its definition cannot be read".to_owned())),
        }
    }
    Ok(Survey { offered: PinnedServer { identity: Pin::of(&agreed.identity), tools }, odd: refused })
}
