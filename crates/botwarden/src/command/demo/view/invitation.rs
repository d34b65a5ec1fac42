//! Lines to try: what somebody who watches can send from another terminal.

use super::line::{Ink, Line};
use super::screen::print;
use crate::command::demo::actors::Stage;

const TEMPLATE: &str = include_str!("../templates/try.txt");

/// Prints addresses, a key that works, and lines to paste. The key dies with the demo, so it may be shown.
pub(in super::super) fn invitation(stage: &Stage) -> anyhow::Result<()> {
    print(&Line::default())?;
    let text = TEMPLATE
        .replace("{gateway}", &format!("http://{}", stage.gateway.gateway))
        .replace("{ops}", &format!("http://{}", stage.gateway.ops))
        .replace("{key}", stage.keys.visitor.key.expose());
    for line in text.lines() {
        let ink = if line.starts_with(' ') { Ink::Plain } else { Ink::Strong };
        print(&Line::of(ink, line))?;
    }
    print(&Line::default())
}
