import CSSL
import Glibc
import RMQCommon

/// The files of one side as they are now: what was read, or why it could not be.
///
/// They are read once and used from memory, so that what is compared is what is used.
struct TLSFileContents {
    private typealias Content = Result<[UInt8], SystemFailure>
    private let files: TLSFiles
    private let keys: TLSFiles.Keys
    private let certificate: Content?
    private let key: Content?
    private let trusted: Content?

    init(_ files: TLSFiles, keys: TLSFiles.Keys) {
        self.files = files
        self.keys = keys
        (certificate, key, trusted) = (Self.read(files.certificatePath), Self.read(files.keyPath), Self.read(files.trustPath))
    }

    private static func read(_ path: String?) -> Content? {
        guard let path, !path.isEmpty else { return nil }
        do throws(SystemFailure) {
            guard let bytes = try SmallFile.read(path) else { return .failure(SystemFailure(call: "open", code: ENOENT, subject: path)) }
            return .success(bytes)
        } catch {
            return .failure(error)
        }
    }

    /// Changes when one of them does.
    var fingerprint: [UInt8] {
        [certificate, key, trusted].flatMap { content -> [UInt8] in
            guard case .success(let bytes) = content else { return [0] }
            var digest = [UInt8](repeating: 0, count: Int(SHA256_DIGEST_LENGTH))
            SHA256(bytes, bytes.count, &digest)
            return digest
        }
    }

    /// Certificate and key; nil where neither is named.
    func identity() throws(TLSError) -> TLSIdentity? {
        if certificate == nil, key == nil { return nil }
        return try TLSIdentity(
            certificates: bytes(certificate, keys.certificate, files.certificatePath, why: "\(keys.key) needs the certificate of that key"),
            key: bytes(key, keys.key, files.keyPath, why: "\(keys.certificate) needs the key of that certificate"), files: files, keys: keys)
    }

    /// Who is trusted: who is in the file, or, where none is named, whom the system trusts.
    func trust() throws(TLSError) -> TLSTrust {
        guard let trusted else { return .system }
        let text = try bytes(trusted, keys.trust, files.trustPath, why: "")
        return .certificates(try TLSCertificate.all(in: text, key: keys.trust, path: files.trustPath ?? ""))
    }

    private func bytes(_ content: Content?, _ key: String, _ path: String?, why: String) throws(TLSError) -> [UInt8] {
        switch content {
        case .success(let bytes): return bytes
        case .failure(let failure): throw .unusable(key: key, path: path ?? "", reason: SystemFailure.reason(failure.code))
        case nil: throw .missing(key: key, why: why)
        }
    }
}
