#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| botwarden_crypto::fuzzing::crypto_key(bytes));
