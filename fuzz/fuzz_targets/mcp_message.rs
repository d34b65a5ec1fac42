#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| botwarden_protocol::fuzzing::mcp_message(bytes));
