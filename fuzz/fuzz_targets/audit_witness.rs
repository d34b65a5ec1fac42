#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| botwarden_audit::fuzzing::audit_witness(bytes));
