internal import CCrypto

/// A digest by the system's OpenSSL, for what peers compute as well: the places of a hash ring. It hides nothing, it only spreads names
/// evenly. Requests are signed with ``HMACSHA1``.
public enum MessageDigest {
    private static let md5Size = 16

    /// The 16 bytes of MD5; nil where the system's policy takes the algorithm away.
    public static func md5(_ bytes: [UInt8]) -> [UInt8]? {
        var digest = [UInt8](repeating: 0, count: md5Size)
        var size = digest.count
        // `-fips`: also where only approved algorithms are on by default, for this protects nothing.
        let isDone = EVP_Q_digest(nil, "MD5", "-fips", bytes, bytes.count, &digest, &size)
        return isDone == 1 && size == md5Size ? digest : nil
    }
}
