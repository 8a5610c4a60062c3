internal import CCrypto

/// Digests by the system's OpenSSL, for what peers compute as well: the places of a hash ring, the signature of a request.
///
/// Neither hides anything by itself: MD5 here only spreads names evenly.
public enum MessageDigest {
    private static let md5Size = 16
    private static let sha1Size = 20

    /// The 16 bytes of MD5; nil where the system's policy takes the algorithm away.
    public static func md5(_ bytes: [UInt8]) -> [UInt8]? {
        var digest = [UInt8](repeating: 0, count: md5Size)
        var size = digest.count
        // `-fips`: also where only approved algorithms are on by default, for this protects nothing.
        let isDone = EVP_Q_digest(nil, "MD5", "-fips", bytes, bytes.count, &digest, &size)
        return isDone == 1 && size == md5Size ? digest : nil
    }

    /// The 20 bytes of HMAC-SHA1; nil where the system's policy takes the algorithm away.
    public static func hmacSHA1(_ bytes: [UInt8], key: [UInt8]) -> [UInt8]? {
        var digest = [UInt8](repeating: 0, count: sha1Size)
        var size = UInt32(digest.count)
        guard let length = Int32(exactly: key.count), HMAC(EVP_sha1(), key, length, bytes, bytes.count, &digest, &size) != nil else { return nil }
        return size == sha1Size ? digest : nil
    }

    /// Whether two digests are the same. How long it takes tells at most whether they are of one length.
    public static func isSame(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        left.count == right.count && CRYPTO_memcmp(left, right, left.count) == 0
    }
}
