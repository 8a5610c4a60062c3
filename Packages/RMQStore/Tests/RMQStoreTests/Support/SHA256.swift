/// SHA-256 in hexadecimal, for comparing bodies with the recorded ones.
func sha256(_ message: [UInt8]) -> String {
    // The first 32 bits of the fractional parts of the roots of the first primes.
    let primes = (2...).lazy.filter { n in !(2..<n).contains { n % $0 == 0 } }.prefix(64)
    let constants = primes.map { rootFraction(Double($0), cube: true) }
    var state = primes.prefix(8).map { rootFraction(Double($0), cube: false) }
    var bytes = message + [0x80]
    bytes += [UInt8](repeating: 0, count: (120 - bytes.count % 64) % 64)
    bytes += withUnsafeBytes(of: UInt64(message.count * 8).bigEndian) { Array($0) }
    func rotated(_ value: UInt32, _ count: UInt32) -> UInt32 { value >> count | value << (32 - count) }
    for block in stride(from: 0, to: bytes.count, by: 64) {
        var words = (0..<16).map { word in (0..<4).reduce(UInt32(0)) { $0 << 8 | UInt32(bytes[block + word * 4 + $1]) } }
        for index in 16..<64 {
            let a = words[index - 15], b = words[index - 2]
            let first = rotated(a, 7) ^ rotated(a, 18) ^ a >> 3
            let second = rotated(b, 17) ^ rotated(b, 19) ^ b >> 10
            words.append(words[index - 16] &+ first &+ words[index - 7] &+ second)
        }
        var s = state
        for index in 0..<64 {
            let sum1 = rotated(s[4], 6) ^ rotated(s[4], 11) ^ rotated(s[4], 25)
            let choice = s[4] & s[5] ^ ~s[4] & s[6]
            let first = s[7] &+ sum1 &+ choice &+ constants[index] &+ words[index]
            let sum0 = rotated(s[0], 2) ^ rotated(s[0], 13) ^ rotated(s[0], 22)
            let majority = s[0] & s[1] ^ s[0] & s[2] ^ s[1] & s[2]
            s = [first &+ sum0 &+ majority, s[0], s[1], s[2], s[3] &+ first, s[4], s[5], s[6]]
        }
        for index in 0..<8 { state[index] &+= s[index] }
    }
    let digits = Array("0123456789abcdef")
    return String(state.flatMap { word in stride(from: 28, through: 0, by: -4).map { digits[Int(word >> UInt32($0) & 15)] } })
}

/// ⌊frac(root(n)) · 2³²⌋, exactly: the largest x with x² (or x³) not above n · 2⁶⁴ (or n · 2⁹⁶), found in integers.
private func rootFraction(_ n: Double, cube: Bool) -> UInt32 {
    var root: UInt64 = 0
    let target = UInt64(n)
    for bit in stride(from: UInt64(36), through: 0, by: -1) {
        let candidate = root | 1 << bit
        if power(candidate, cube ? 3 : 2, isAtMost: target, shift: cube ? 96 : 64) { root = candidate }
    }
    return UInt32(truncatingIfNeeded: root)
}

private func power(_ base: UInt64, _ exponent: Int, isAtMost limit: UInt64, shift: Int) -> Bool {
    var product: [UInt64] = [1]  // little endian, 32 bits each
    for _ in 0..<exponent {
        var next = [UInt64](repeating: 0, count: product.count + 2)
        for (i, digit) in product.enumerated() {
            var carry: UInt64 = 0
            for (j, part) in [base & 0xFFFF_FFFF, base >> 32].enumerated() {
                let sum = next[i + j] + digit * part + carry
                next[i + j] = sum & 0xFFFF_FFFF
                carry = sum >> 32
            }
            next[i + 2] += carry
        }
        product = next
    }
    var bound = [UInt64](repeating: 0, count: max(product.count, shift / 32 + 2))
    bound[shift / 32] = limit
    product += [UInt64](repeating: 0, count: bound.count - product.count)
    return !bound.reversed().lexicographicallyPrecedes(product.reversed())
}
