//! Many tokens side by side: eight chains of CBC, then the hashes two by two.

use aws_lc_rs::constant_time::verify_slices_are_equal;

use super::kernel::{self, Block, LANES, State};
use super::{Keys, closing};
use crate::body::{self, BLOCK_BYTES, HEAD_BYTES, TAG_BYTES};
use crate::engine::{Sealing, text};

/// How many tokens are sealed or checked together.
pub(crate) const TOGETHER: usize = LANES;
/// Messages above are sealed one by one.
const MESSAGE_BYTES_MAX: usize = 16 * 1024;

impl Keys {
    /// Tokens, in the order of what goes into them. Long messages are sealed one by one: eight would not stay in the cache.
    pub(crate) fn seal_many(&self, sealings: &[Sealing<'_>]) -> Vec<String> {
        let mut tokens = vec![String::new(); sealings.len()];
        let mut order: Vec<usize> = (0..sealings.len()).collect();
        order.sort_by_key(|at| sealings.get(*at).map_or(0, |it| it.message.len()));
        for places in order.chunks(TOGETHER) {
            let together: Vec<Sealing<'_>> =
                places.iter().filter_map(|at| sealings.get(*at).copied()).collect();
            let longest = together.iter().map(|it| it.message.len()).max().unwrap_or_default();
            let made: Vec<String> = if together.len() < TOGETHER || longest > MESSAGE_BYTES_MAX {
                together.iter().map(|it| self.seal(it)).collect()
            } else {
                self.seal_bodies(&together).iter().map(|body| text(body)).collect()
            };
            for (at, token) in places.iter().zip(made) {
                if let Some(place) = tokens.get_mut(*at) {
                    *place = token;
                }
            }
        }
        tokens
    }

    /// The bodies of several tokens. Eight are made together, as far as the shortest goes, so callers bring messages of
    /// about one length.
    fn seal_bodies(&self, sealings: &[Sealing<'_>]) -> Vec<Vec<u8>> {
        let mut bodies: Vec<Vec<u8>> = sealings.iter().map(unsealed).collect();
        let mut chains: Vec<Block> = sealings.iter().map(|it| it.iv).collect();
        self.encipher_all(&mut bodies, &mut chains);
        let signed: Vec<&[u8]> = bodies.iter().map(Vec::as_slice).collect();
        let tags = self.tags(&signed);
        for (body, tag) in bodies.iter_mut().zip(tags) {
            body.extend_from_slice(&tag);
        }
        bodies
    }

    /// Whether the MAC of each body is right.
    pub(crate) fn are_authentic(&self, bodies: &[&[u8]]) -> Vec<bool> {
        let signed: Vec<&[u8]> =
            bodies.iter().map(|body| body::split_tag(body).map_or(&[][..], |(signed, _)| signed)).collect();
        let tags = self.tags(&signed);
        let claimed = bodies.iter().map(|body| body::split_tag(body));
        claimed
            .zip(&tags)
            .map(|(claimed, tag)| claimed.is_some_and(|(_, it)| verify_slices_are_equal(it, tag).is_ok()))
            .collect()
    }

    /// Enciphers each body behind its head, in place.
    fn encipher_all(&self, bodies: &mut [Vec<u8>], chains: &mut [Block]) {
        let keys = &self.schedule.encrypting;
        let mut lanes: Vec<&mut [Block]> = bodies.iter_mut().map(|body| ciphertext_mut(body)).collect();
        let mut done = 0;
        if let ([a, b, c, d, e, f, g, h], Some(chains)) = (&mut lanes[..], chains.as_mut_array()) {
            done = kernel::encipher_lanes(self.cpu, keys, chains, [a, b, c, d, e, f, g, h]);
        }
        for (lane, chain) in lanes.into_iter().zip(chains) {
            kernel::encipher_in_place(self.cpu, keys, chain, lane.get_mut(done..).unwrap_or_default());
        }
    }

    /// The right tags for what is signed, two at a time.
    fn tags(&self, signed: &[&[u8]]) -> Vec<[u8; TAG_BYTES]> {
        let mut tags = Vec::with_capacity(signed.len());
        for pair in signed.chunks(2) {
            match pair {
                [one, two] => tags.extend(self.two_tags([one, two])),
                rest => tags.extend(rest.iter().map(|it| self.tag_of(it))),
            }
        }
        tags
    }

    fn tag_of(&self, signed: &[u8]) -> [u8; TAG_BYTES] {
        let mut state = self.inner;
        let (blocks, rest) = signed.as_chunks();
        kernel::hash(self.cpu, &mut state, blocks);
        self.tag(state, rest, signed.len())
    }

    fn two_tags(&self, signed: [&[u8]; 2]) -> [[u8; TAG_BYTES]; 2] {
        let mut room = [[[0; 64]; 2]; 2];
        let [room_one, room_two] = &mut room;
        let [one, two] = signed;
        let ((blocks_one, rest_one), (blocks_two, rest_two)) = (one.as_chunks(), two.as_chunks());
        let mut states = [self.inner; 2];
        self.hash_both(&mut states, [blocks_one, blocks_two]);
        let ends = [closing(rest_one, one.len(), room_one), closing(rest_two, two.len(), room_two)];
        self.hash_both(&mut states, ends);
        let digests = states.map(|state| state.digest());
        let mut room = [[[0; 64]; 2]; 2];
        let ([room_one, room_two], [one, two]) = (&mut room, &digests);
        let mut states = [self.outer; 2];
        self.hash_both(&mut states, [closing(one, TAG_BYTES, room_one), closing(two, TAG_BYTES, room_two)]);
        states.map(|state| state.digest())
    }

    /// Side by side as far as both go, then the longer one alone.
    fn hash_both(&self, states: &mut [State; 2], blocks: [&[kernel::HashBlock]; 2]) {
        let [one, two] = states;
        let done = kernel::hash_two(self.cpu, [&mut *one, &mut *two], blocks);
        for (state, blocks) in [one, two].into_iter().zip(blocks) {
            kernel::hash(self.cpu, state, blocks.get(done..).unwrap_or_default());
        }
    }
}

/// A body with its message padded but in the clear, and room for its tag: nothing is copied until it is enciphered.
fn unsealed(sealing: &Sealing<'_>) -> Vec<u8> {
    let (blocks, rest) = sealing.message.as_chunks::<BLOCK_BYTES>();
    let mut body = Vec::with_capacity(HEAD_BYTES + body::padded_len(sealing.message.len()) + TAG_BYTES);
    body.extend_from_slice(&body::head(sealing.stamp_s, &sealing.iv));
    body.extend_from_slice(blocks.as_flattened());
    body.extend_from_slice(&body::pad(rest));
    body
}

fn ciphertext_mut(body: &mut [u8]) -> &mut [Block] {
    body.get_mut(HEAD_BYTES..).unwrap_or_default().as_chunks_mut().0
}
