//! Which addresses count as public.

use std::net::IpAddr;

use keyward_outbound::is_global_unicast;

fn judge(text: &str) -> bool {
    is_global_unicast(text.parse::<IpAddr>().expect(text))
}

#[test]
fn refuses_every_address_that_is_not_global_unicast() {
    let refused = "
        0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 100.64.0.1 100.127.255.255 127.0.0.1 127.255.0.1 169.254.0.1
        169.254.169.254 172.16.0.1 172.31.255.255 192.0.0.1 192.0.0.170 192.0.2.1 192.88.99.1 192.168.0.1
        198.18.0.1 198.19.255.255 198.51.100.7 203.0.113.9 224.0.0.1 239.255.255.255 240.0.0.1
        255.255.255.255 :: ::1 ::7f00:1 ::10.0.0.1 fc00::1 fdff:ffff::1 fe80::1 febf::1 fec0::1 ff02::1
        ff0e::1 100::1 2001::1 2001:2::1 2001:10::1 2001:20::1 2001:db8::1 2002:0a00:0001::1
        2002:0808:0808::1 3fff::1 5f00::1 64:ff9b:1::a00:1 4000::1
    ";
    for text in refused.split_whitespace() {
        assert!(!judge(text), "{text} was taken for public");
    }
}

#[test]
fn unwraps_an_ipv4_address_mapped_into_ipv6() {
    for text in ["::ffff:10.0.0.1", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "::ffff:0.0.0.0"] {
        assert!(!judge(text), "{text} was taken for public");
    }
    assert!(judge("::ffff:8.8.8.8"));
}

#[test]
fn unwraps_an_ipv4_address_behind_nat64() {
    for text in ["64:ff9b::10.0.0.1", "64:ff9b::127.0.0.1", "64:ff9b::169.254.169.254", "64:ff9b::192.168.1.1"] {
        assert!(!judge(text), "{text} was taken for public");
    }
    assert!(judge("64:ff9b::8.8.8.8"));
}

#[test]
fn accepts_addresses_on_both_sides_of_the_refused_ranges() {
    let public = "
        1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.1
        169.253.255.255 169.255.0.0 172.15.255.255 172.32.0.0 192.167.255.255 192.169.0.0 198.17.255.255
        198.20.0.0 203.0.112.255 203.0.114.0 223.255.255.255 2001:200::1 2001:4860:4860::8888 2003::1
        2606:4700:4700::1111 2a00:1450:4001::1 3ffe:ffff::1
    ";
    for text in public.split_whitespace() {
        assert!(judge(text), "{text} was refused");
    }
}
