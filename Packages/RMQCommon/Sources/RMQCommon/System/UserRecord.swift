internal import Glibc

/// What the system's user table says of the user that this process runs as.
struct UserRecord {
    let name: String
    let home: String

    /// nil for a user that is in no table, as in many containers.
    static var current: UserRecord? {
        var user = passwd()
        var found: UnsafeMutablePointer<passwd>?
        var texts = [CChar](repeating: 0, count: 16_384)
        return texts.withUnsafeMutableBufferPointer { texts in
            guard let room = texts.baseAddress, getpwuid_r(geteuid(), &user, room, texts.count, &found) == 0, found != nil else { return nil }
            return UserRecord(name: String(cString: user.pw_name), home: String(cString: user.pw_dir))
        }
    }
}
