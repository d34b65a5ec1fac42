#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| botwarden_fernet::fuzzing::fernet_token(bytes));
