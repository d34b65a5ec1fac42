//! `config schema`.

use super::Desk;

#[test]
fn the_schema_is_a_promise() {
    let schema: serde_json::Value =
        serde_json::from_str(&Desk::new().run(&["config", "schema"]).fine()).unwrap();
    insta::assert_json_snapshot!("config_schema", schema);
}
