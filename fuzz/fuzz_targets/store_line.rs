#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| botwarden_store::fuzzing::store_line(bytes));
