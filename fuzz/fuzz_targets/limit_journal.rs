#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| botwarden_limit::fuzzing::limit_journal(bytes));
