//! Recognizes RSA moduli of a faulty key generator, whose private keys can be computed (CVE-2017-15361).
//! Its primes are powers of 65537 modulo each small prime, and so is their product; an honest modulus is not.

/// The small primes for which the generator's choice is narrower than chance, so that they tell something.
const PRIMES: [u32; 17] = [11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157];

/// The modulus in big-endian bytes. An honest one matches by chance once in 2^27.
pub(crate) fn is_fingerprinted(modulus: &[u8]) -> bool {
    PRIMES.iter().all(|prime| is_power_of_generator(remainder(modulus, *prime), *prime))
}

fn remainder(modulus: &[u8], prime: u32) -> u32 {
    modulus.iter().fold(0, |rest, byte| (rest * 256 + u32::from(*byte)) % prime)
}

fn is_power_of_generator(value: u32, prime: u32) -> bool {
    let generator = 65537 % prime;
    let mut power = 1;
    for _ in 1..prime {
        if power == value {
            return true;
        }
        power = power * generator % prime;
    }
    false
}
