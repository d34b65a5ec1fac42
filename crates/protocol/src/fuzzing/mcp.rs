//! Messages of clients and servers of tools: what is read stands in the bytes, and what is written of it reads back.

use crate::Bounds;
use crate::json::{Document, Kind};
use crate::mcp::{self, Ask, FromServer, Id, Message};

pub(super) fn check_message(bytes: &[u8]) {
    match mcp::read_message(bytes, &Bounds::default()) {
        Ok(message) => check_read(bytes, &message),
        Err(unread) => {
            assert!(unread.error.to_string().is_ascii(), "only our own words");
            let malformed = Document::parse(bytes, &Bounds::default()).is_err();
            assert!(!malformed || unread.id.is_none());
            if let Some(id) = unread.id {
                check_id(bytes, &id);
            }
        }
    }
}

fn check_read(bytes: &[u8], message: &Message) {
    let text = std::str::from_utf8(bytes).unwrap();
    let document = Document::parse(bytes, &Bounds::default()).unwrap();
    let root = document.root();
    assert_eq!(root.kind(), Kind::Object, "no batch");
    assert_eq!(message.id.is_some(), root.get("id").is_some());
    if let Some(id) = &message.id {
        check_id(bytes, id);
    }
    // An own reading of the method: no case folding, no second one.
    assert_eq!(root.get("method").unwrap().as_str().unwrap(), message.method.as_str());
    match &message.ask {
        Ask::CallTool { name, arguments } => {
            assert_eq!(message.method, "tools/call");
            assert_eq!(root.get("params").unwrap().get("name").unwrap().as_str().unwrap(), name.as_str());
            assert!(arguments == "{}" || text.contains(arguments.as_str()), "byte for byte");
            let sent = mcp::call_to_server(7, name, arguments, true, true);
            let sent = Document::parse(&sent, &roomy()).unwrap();
            let params = sent.root().get("params").unwrap();
            assert_eq!(params.get("name").unwrap().as_str().unwrap(), name.as_str());
            assert_eq!(params.get("arguments").unwrap().raw(), arguments);
        }
        Ask::Cancel { request } => check_id(bytes, request),
        Ask::Initialize { .. } | Ask::Discover | Ask::Ping | Ask::ListTools { .. } | Ask::Unknown => {
            assert!(message.id.is_some());
        }
        Ask::Noted => assert!(message.id.is_none()),
    }
    if let Some(token) = &message.progress {
        check_id(bytes, token);
    }
}

/// One level and some values more than what came.
fn roomy() -> Bounds {
    let bounds = Bounds::default();
    Bounds { depth_max: bounds.depth_max + 2, nodes_max: bounds.nodes_max + 20, ..bounds }
}

fn check_id(bytes: &[u8], id: &Id) {
    assert!(std::str::from_utf8(bytes).unwrap().contains(id.as_json()), "as it was written");
    let result = mcp::result_body(id, b"{}");
    let document = Document::parse(&result, &Bounds::default()).unwrap();
    assert_eq!(document.root().get("id").unwrap().raw(), id.as_json());
}

pub(super) fn check_answer(bytes: &[u8]) {
    let bounds = Bounds::default();
    let Ok(message) = mcp::read_answer(bytes, &bounds) else { return };
    match message {
        FromServer::Result { id, result, .. } => {
            check_id(bytes, &id);
            assert!(std::str::from_utf8(bytes).unwrap().contains(&result));
            for stateless in [true, false] {
                let sent = mcp::call_result(&Id::number(1), result.as_bytes(), stateless, &bounds);
                let sent = Document::parse(&sent, &roomy()).unwrap();
                let inside = sent.root().get("result").unwrap();
                assert!(!stateless || inside.get("resultType").is_some());
                assert!(stateless || inside.raw() == result);
            }
            check_list(result.as_bytes());
        }
        FromServer::Progress { token, progress, total } => {
            let sent = mcp::progress(&token, &progress, total.as_deref());
            let sent = Document::parse(&sent, &bounds).unwrap();
            assert_eq!(sent.root().get("params").unwrap().get("progress").unwrap().raw(), progress);
        }
        FromServer::Request { id, method } => {
            assert!(Document::parse(&mcp::reply_to_server(&id, &method), &bounds).is_ok());
        }
        FromServer::Error { .. } | FromServer::ToolsChanged | FromServer::Other => {}
    }
}

fn check_list(result: &[u8]) {
    let Ok(page) = mcp::read_page(result, &Bounds::default()) else { return };
    for tool in &page.tools {
        let mut same = Vec::new();
        mcp::rename(&mut same, tool, &tool.name);
        let mut other = Vec::new();
        mcp::rename(&mut other, tool, "a\"b");
        let (same, other) = (parse_name(&same), parse_name(&other));
        assert_eq!((same.as_str(), other.as_str()), (tool.name.as_str(), "a\"b"));
    }
}

fn parse_name(definition: &[u8]) -> String {
    let document = Document::parse(definition, &roomy()).unwrap();
    document.root().get("name").unwrap().as_str().unwrap().into_owned()
}
