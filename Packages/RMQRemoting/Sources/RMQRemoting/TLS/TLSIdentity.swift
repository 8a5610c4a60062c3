import CSSL
import RMQCommon

/// By whom a peer has to be known.
enum TLSTrust: Sendable {
    /// By those whom this system trusts.
    case system
    case certificates([TLSCertificate])
}

/// Who one is to the peer: a chain of certificates, its own first, and the key of the first.
struct TLSIdentity: Sendable {
    let chain: [TLSCertificate]
    let key: TLSKey
    /// Where they come from, for errors.
    let certificatePath: String
    let keyPath: String
    let keys: TLSFiles.Keys

    /// - Parameters:
    ///   - certificates: a PEM text.
    ///   - key: a PEM text, encrypted perhaps.
    init(certificates: [UInt8], key: [UInt8], files: TLSFiles, keys: TLSFiles.Keys) throws(TLSError) {
        self.keys = keys
        certificatePath = files.certificatePath ?? ""
        keyPath = files.keyPath ?? ""
        chain = try TLSCertificate.all(in: certificates, key: keys.certificate, path: certificatePath)
        self.key = try TLSKey(key, password: files.keyPassword, keys: keys, path: keyPath)
    }

    private init(_ certificate: TLSCertificate, _ key: TLSKey) {
        chain = [certificate]
        self.key = key
        (certificatePath, keyPath, keys) = ("(self-signed)", "(self-signed)", .server)
    }

    /// Made now, for tests and for connections that are only to be encrypted: nobody can tell who has it. It is valid for ten years.
    static func selfSigned() throws(TLSError) -> TLSIdentity {
        ErrorQueue.clear()
        guard let key = TLSKey(adopting: cssl_make_elliptic_key()), let certificate = TLSCertificate(adopting: X509_new()) else {
            throw .library(reason: ErrorQueue.reason)
        }
        let raw = certificate.raw
        let name = X509_get_subject_name(raw)
        let serial = Int64.random(in: 1...Int64.max)
        let isMade = X509_set_version(raw, 2) == 1 && ASN1_INTEGER_set_int64(X509_get_serialNumber(raw), serial) == 1
            && X509_gmtime_adj(X509_getm_notBefore(raw), -86_400) != nil && X509_gmtime_adj(X509_getm_notAfter(raw), 3_650 * 86_400) != nil
            && X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, "rocketmq-test", -1, -1, 0) == 1
            && X509_set_issuer_name(raw, name) == 1 && X509_set_pubkey(raw, key.raw) == 1 && X509_sign(raw, key.raw, EVP_sha256()) > 0
        guard isMade else { throw .library(reason: ErrorQueue.reason) }
        return TLSIdentity(certificate, key)
    }
}

/// Owns one certificate.
final class TLSCertificate: @unchecked Sendable {
    // Sendable: never changed once it is read or signed; its counter of references is atomic.
    let raw: OpaquePointer

    init?(adopting raw: OpaquePointer?) {
        guard let raw else { return nil }
        self.raw = raw
    }

    deinit { X509_free(raw) }

    /// Far more than any trust store has.
    private static let most = 10_000

    /// Every certificate of a PEM text, at least one.
    static func all(in text: [UInt8], key: String, path: String) throws(TLSError) -> [TLSCertificate] {
        ErrorQueue.clear()
        guard let count = Int32(exactly: text.count), let bio = BIO_new_mem_buf(text, count) else {
            throw .unusable(key: key, path: path, reason: "it is too large")
        }
        defer { BIO_free(bio) }
        var found: [TLSCertificate] = []
        while found.count < most, let next = TLSCertificate(adopting: PEM_read_bio_X509(bio, nil, nil, nil)) { found.append(next) }
        let isAtEnd = cssl_is_end_of_pem(ERR_peek_last_error()) == 1
        guard isAtEnd, !found.isEmpty else {
            let reason = isAtEnd ? "there is no certificate (PEM) in it" : "it has a certificate that cannot be read: \(ErrorQueue.reason)"
            ErrorQueue.clear()
            throw .unusable(key: key, path: path, reason: reason)
        }
        ErrorQueue.clear()
        return found
    }
}

/// Owns one private key.
final class TLSKey: @unchecked Sendable {
    // Sendable: never changed once it is made; its counter of references is atomic.
    let raw: OpaquePointer

    init?(adopting raw: OpaquePointer?) {
        guard let raw else { return nil }
        self.raw = raw
    }

    deinit { EVP_PKEY_free(raw) }

    /// The private key of a PEM text, PKCS#8 or of the older forms.
    init(_ text: [UInt8], password: String?, keys: TLSFiles.Keys, path: String) throws(TLSError) {
        ErrorQueue.clear()
        guard let count = Int32(exactly: text.count), let bio = BIO_new_mem_buf(text, count) else {
            throw .unusable(key: keys.key, path: path, reason: "it is too large")
        }
        defer { BIO_free(bio) }
        // Always given one, if an empty one: the library would ask at the terminal.
        let raw = (password ?? "").withCString { PEM_read_bio_PrivateKey(bio, nil, nil, UnsafeMutableRawPointer(mutating: $0)) }
        guard let raw else {
            let isEncrypted = String(decoding: text, as: UTF8.self).containsBytes(of: "ENCRYPTED")
            let reason = ErrorQueue.reason
            guard isEncrypted else { throw .unusable(key: keys.key, path: path, reason: "there is no private key (PEM) in it that can be read: \(reason)") }
            guard password?.isEmpty == false else { throw .unusable(key: keys.key, path: path, reason: "it is encrypted, and \(keys.password) is not set") }
            throw .unusable(key: keys.key, path: path, reason: "it cannot be decrypted with \(keys.password): \(reason)")
        }
        self.raw = raw
    }
}
