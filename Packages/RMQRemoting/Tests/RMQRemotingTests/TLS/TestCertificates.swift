import CSSL
import RMQCommon
import Testing

/// Certificates for tests, made by OpenSSL's functions: a bare machine has the library, but perhaps not the command.
final class TestCertificates {
    /// What a certificate is made like.
    struct Wish {
        var name = "localhost"
        /// `DNS:…` and `IP:…`, separated by commas.
        var hosts = "DNS:localhost,IP:127.0.0.1"
        /// When it ends, in seconds from now.
        var ends = 86_400
        var isRSA = false
    }

    /// A key and its certificate, as PEM texts.
    struct Pair {
        let certificate: [UInt8]
        let key: [UInt8]
        fileprivate let raw: OpaquePointer
    }

    private let authorityKey: OpaquePointer
    private let authorityCertificate: OpaquePointer
    private var serial = 1
    private var made: [OpaquePointer] = []
    /// The authority's certificate.
    let trust: [UInt8]

    init(_ name: String = "tests") throws {
        authorityKey = try #require(cssl_make_elliptic_key())
        let certificate = try Self.certificate(name, authorityKey, ends: 86_400, serial: 1)
        authorityCertificate = certificate
        X509_set_issuer_name(certificate, X509_get_subject_name(certificate))
        Self.extend(certificate, NID_basic_constraints, "critical,CA:TRUE")
        let isSigned = X509_sign(certificate, authorityKey, EVP_sha256()) > 0
        trust = isSigned ? Self.text { PEM_write_bio_X509($0, certificate) } : []
    }

    deinit {
        X509_free(authorityCertificate)
        for key in made + [authorityKey] { EVP_PKEY_free(key) }
    }

    /// A certificate that the authority signed.
    func make(_ change: (inout Wish) -> Void = { _ in }) throws -> Pair {
        var wish = Wish()
        change(&wish)
        serial += 1
        let key = try #require(wish.isRSA ? cssl_make_rsa_key(2_048) : cssl_make_elliptic_key())
        made.append(key)
        let certificate = try Self.certificate(wish.name, key, ends: wish.ends, serial: serial)
        defer { X509_free(certificate) }
        X509_set_issuer_name(certificate, X509_get_subject_name(authorityCertificate))
        if !wish.hosts.isEmpty { Self.extend(certificate, NID_subject_alt_name, wish.hosts) }
        try #require(X509_sign(certificate, authorityKey, EVP_sha256()) > 0)
        return Pair(
            certificate: Self.text { PEM_write_bio_X509($0, certificate) },
            key: Self.text { PEM_write_bio_PKCS8PrivateKey($0, key, nil, nil, 0, nil, nil) }, raw: key)
    }

    /// The key of a pair, encrypted as PKCS#8.
    func encryptedKey(of pair: Pair, password: String) -> [UInt8] {
        Self.text { PEM_write_bio_PKCS8PrivateKey($0, pair.raw, EVP_aes_256_cbc(), password, Int32(password.utf8.count), nil, nil) }
    }

    private static func certificate(_ name: String, _ key: OpaquePointer, ends: Int, serial: Int) throws -> OpaquePointer {
        let certificate = try #require(X509_new())
        X509_set_version(certificate, 2)
        ASN1_INTEGER_set_int64(X509_get_serialNumber(certificate), Int64(serial))
        X509_gmtime_adj(X509_getm_notBefore(certificate), -7_200)
        X509_gmtime_adj(X509_getm_notAfter(certificate), ends)
        X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_UTF8, name, -1, -1, 0)
        X509_set_pubkey(certificate, key)
        return certificate
    }

    private static func extend(_ certificate: OpaquePointer, _ kind: Int32, _ value: String) {
        guard let part = X509V3_EXT_conf_nid(nil, nil, kind, value) else { return }
        X509_add_ext(certificate, part, -1)
        X509_EXTENSION_free(part)
    }

    static func text(_ write: (OpaquePointer?) -> Int32) -> [UInt8] {
        let bio = BIO_new(BIO_s_mem())
        defer { BIO_free(bio) }
        guard write(bio) == 1 else { return [] }
        var bytes = [UInt8](repeating: 0, count: 65_536)
        let count = BIO_read(bio, &bytes, Int32(bytes.count))
        return Array(bytes[..<max(0, Int(count))])
    }
}
