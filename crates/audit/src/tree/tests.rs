use std::convert::Infallible;

use proptest::prelude::*;

use super::*;

/// Bytes from hexadecimal digits.
pub(crate) fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text.chars().filter_map(|c| c.to_digit(16)).collect();
    digits.chunks(2).map(|pair| u8::try_from(pair[0] * 16 + pair[1]).unwrap()).collect()
}

fn hash(text: &str) -> Hash {
    Hash::from_slice(&unhex(text)).unwrap()
}

/// A tree in memory, straight from the definition.
struct Leaves<'a>(&'a [Hash]);

impl Nodes for Leaves<'_> {
    type Error = Infallible;

    fn node(&mut self, height: u8, index: u64) -> Result<Hash, Infallible> {
        let width = 1usize << height;
        let start = usize::try_from(index).unwrap() * width;
        Ok(root_of(&self.0[start..start + width]))
    }
}

/// RFC 6962 §2.1, word for word.
fn root_of(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => empty_root(),
        [leaf] => *leaf,
        _ => {
            let k = leaves.len().next_power_of_two() / 2;
            node_hash(&root_of(&leaves[..k]), &root_of(&leaves[k..]))
        }
    }
}

/// The eight entries of the test trees of Certificate Transparency.
/// Source: `certificate-transparency/cpp/merkletree/merkle_tree_test.cc`.
const ENTRIES: [&str; 8] =
    ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
/// Roots of the trees of the first 1 to 8 of them. Source: as above.
const ROOTS: [&str; 8] = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];

fn leaves() -> Vec<Hash> {
    ENTRIES.iter().map(|entry| leaf_hash(&unhex(entry))).collect()
}

#[test]
fn roots_of_certificate_transparency() {
    assert_eq!(empty_root(), hash("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"));
    let mut range = Range::default();
    for (size, (leaf, root)) in (1..).zip(leaves().into_iter().zip(ROOTS)) {
        range.push(leaf);
        assert_eq!((range.size(), range.root()), (size, hash(root)), "{size} entries");
        assert_eq!(root_of(&leaves()[..usize::try_from(size).unwrap()]), hash(root), "{size} by definition");
    }
}

/// Source: `certificate-transparency/cpp/merkletree/merkle_tree_test.cc`, test paths and consistency proofs.
#[test]
fn proofs_of_certificate_transparency() {
    let leaves = leaves();
    for (index, size, want) in [
        (0, 1, &[][..]),
        (
            0,
            8,
            &[
                "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
                "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
            ],
        ),
        (
            5,
            8,
            &[
                "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
                "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
                "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            ],
        ),
        (2, 3, &["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"]),
        (
            1,
            5,
            &[
                "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
                "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            ],
        ),
    ] {
        let want: Vec<Hash> = want.iter().map(|text| hash(text)).collect();
        let got = inclusion(&mut Leaves(&leaves), index, size).unwrap();
        assert_eq!(got, want, "entry {index} of {size}");
    }
    for (old, size, want) in [
        (1, 1, &[][..]),
        (
            1,
            8,
            &[
                "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
                "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
            ],
        ),
        (
            6,
            8,
            &[
                "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
                "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
                "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            ],
        ),
        (
            2,
            5,
            &[
                "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            ],
        ),
    ] {
        let want: Vec<Hash> = want.iter().map(|text| hash(text)).collect();
        let got = consistency(&mut Leaves(&leaves), old, size).unwrap();
        assert_eq!(got, want, "from {old} to {size}");
    }
}

#[test]
fn every_proof_of_small_trees_verifies() {
    let leaves: Vec<Hash> = (0u8..70).map(|n| leaf_hash(&[n])).collect();
    for size in 1..=70u64 {
        let tree = &leaves[..usize::try_from(size).unwrap()];
        let root = root_of(tree);
        for index in 0..size {
            let proof = inclusion(&mut Leaves(tree), index, size).unwrap();
            let leaf = tree[usize::try_from(index).unwrap()];
            assert_eq!(check_inclusion(leaf, index, size, root, &proof), Ok(()), "{index} of {size}");
        }
        for old in 0..=size {
            let proof = consistency(&mut Leaves(tree), old, size).unwrap();
            let old_root = root_of(&tree[..usize::try_from(old).unwrap()]);
            assert_eq!(check_consistency(old, old_root, size, root, &proof), Ok(()), "{old} to {size}");
        }
    }
}

#[test]
fn proofs_that_are_none() {
    let (leaf, root) = (leaves()[0], hash(ROOTS[7]));
    let proof = inclusion(&mut Leaves(&leaves()), 0, 8).unwrap();
    let longer = [&proof[..], &[leaf]].concat();
    for (name, index, size, proof, want) in [
        ("an index outside", 8, 8, &proof[..], ProofError::Outside { at: 8, size: 8 }),
        ("an empty tree", 0, 0, &[], ProofError::Outside { at: 0, size: 0 }),
        ("cut", 0, 8, &proof[..2], ProofError::Length { got: 2 }),
        ("longer", 0, 8, &longer, ProofError::Length { got: 4 }),
        ("another index", 1, 8, &proof, ProofError::Root),
        ("a huge proof", 0, u64::MAX, &[leaf; 65], ProofError::Length { got: 65 }),
    ] {
        assert_eq!(check_inclusion(leaf, index, size, root, proof), Err(want), "{name}");
    }
    let old_root = hash(ROOTS[5]);
    let proof = consistency(&mut Leaves(&leaves()), 6, 8).unwrap();
    for (name, old, size, proof, want) in [
        ("backwards", 9, 8, &proof[..], ProofError::Outside { at: 9, size: 8 }),
        ("none", 6, 8, &[], ProofError::Length { got: 0 }),
        ("cut", 6, 8, &proof[..2], ProofError::Length { got: 2 }),
        ("another old size", 5, 8, &proof, ProofError::Length { got: 3 }),
        ("another old root", 8, 8, &[], ProofError::Root),
        ("an empty tree with a root", 0, 8, &[], ProofError::Root),
    ] {
        assert_eq!(check_consistency(old, old_root, size, root, proof), Err(want), "{name}");
    }
}

proptest! {
    #[test]
    fn one_flipped_bit_breaks_an_inclusion_proof(size in 2u64..200, index: prop::sample::Index, at: prop::sample::Index) {
        let leaves: Vec<Hash> = (0..size).map(|n| leaf_hash(&n.to_be_bytes())).collect();
        let index = index.index(leaves.len());
        let mut proof = inclusion(&mut Leaves(&leaves), index as u64, size).unwrap();
        let (mut leaf, mut root) = (leaves[index], root_of(&leaves));
        let bit = at.index((proof.len() + 2) * 256);
        let hashes = proof.iter_mut().chain([&mut leaf, &mut root]);
        hashes.into_iter().nth(bit / 256).unwrap().0[bit / 8 % 32] ^= 1 << (bit % 8);
        prop_assert_eq!(check_inclusion(leaf, index as u64, size, root, &proof), Err(ProofError::Root));
    }

    #[test]
    fn one_flipped_bit_breaks_a_consistency_proof(size in 2u64..200, old: prop::sample::Index, at: prop::sample::Index) {
        let leaves: Vec<Hash> = (0..size).map(|n| leaf_hash(&n.to_be_bytes())).collect();
        let old = old.index(leaves.len() - 1) + 1;
        let mut proof = consistency(&mut Leaves(&leaves), old as u64, size).unwrap();
        let (mut old_root, mut root) = (root_of(&leaves[..old]), root_of(&leaves));
        let bit = at.index((proof.len() + 2) * 256);
        let hashes = proof.iter_mut().chain([&mut old_root, &mut root]);
        hashes.into_iter().nth(bit / 256).unwrap().0[bit / 8 % 32] ^= 1 << (bit % 8);
        prop_assert_eq!(
            check_consistency(old as u64, old_root, size, root, &proof),
            Err(ProofError::Root)
        );
    }

    #[test]
    fn long_entries_are_hashed_like_short_ones(entry in prop::collection::vec(any::<u8>(), 0..3000)) {
        let prefixed = [&[0][..], &entry].concat();
        prop_assert_eq!(leaf_hash(&entry), Hash::of(&prefixed));
    }

    #[test]
    fn a_range_of_subtrees_is_a_range_of_leaves(size in 0usize..600) {
        let leaves: Vec<Hash> = (0..size).map(|n| leaf_hash(&n.to_be_bytes())).collect();
        let mut range = Range::default();
        let chunks = leaves.chunks_exact(256);
        let rest = chunks.remainder();
        chunks.for_each(|chunk| range.push_subtree(8, root_of(chunk)));
        rest.iter().for_each(|leaf| range.push(*leaf));
        prop_assert_eq!(range.root(), root_of(&leaves));
        prop_assert_eq!(range.size(), size as u64);
    }
}
