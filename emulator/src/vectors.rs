//! Embeddings: the same text always gives the same unit vector.

use crate::ids;

pub fn embed(text: &str, dimensions: usize) -> Vec<f32> {
    // FNV-1a, so that every byte counts.
    let seed = text
        .bytes()
        .fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3));
    let mut vector: Vec<f32> = (0..dimensions as u64).map(|position| component(seed, position)).collect();
    let length = vector.iter().map(|component| component * component).sum::<f32>().sqrt();
    if length > 0.0 {
        vector.iter_mut().for_each(|component| *component /= length);
    }
    vector
}

/// Between -1 and 1.
fn component(seed: u64, position: u64) -> f32 {
    let bits = ids::mix(seed ^ position.wrapping_mul(0xA076_1D64_78BD_642F)) >> 40;
    bits as f32 / (1_u32 << 23) as f32 - 1.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_are_deterministic_and_of_length_one() {
        let vector = embed("hello", 1536);
        assert_eq!(vector, embed("hello", 1536));
        assert_ne!(vector, embed("hallo", 1536));
        let length = vector.iter().map(|component| component * component).sum::<f32>();
        assert!((length - 1.0).abs() < 1e-3, "{length}");
    }
}
