/// Zstandard frames (RFC 8878), by the system's libzstd where there is one.
public enum Zstandard {
    static let libraryName = "libzstd.so.1"

    /// - Parameter limit: most bytes to restore.
    public static func decompress(_ bytes: UnsafeRawBufferPointer, limit: Int) throws(CompressionError) -> [UInt8] {
        guard let library else { throw .missingLibrary(libraryName) }
        return try library.decompress(bytes, limit: limit)
    }

    private static let library = Library()

    /// The functions of `zstd.h` that are needed.
    private struct Library: Sendable {
        typealias Create = @convention(c) () -> OpaquePointer?
        typealias Free = @convention(c) (OpaquePointer) -> Int
        typealias SetParameter = @convention(c) (OpaquePointer, Int32, Int32) -> Int
        typealias Decompress = @convention(c) (OpaquePointer, UnsafeMutableRawPointer, UnsafeMutableRawPointer) -> Int
        typealias IsError = @convention(c) (Int) -> UInt32

        private static let windowParameter: Int32 = 100   // ZSTD_d_windowLogMax
        /// A frame may ask for a window of this power of two and no more: 64 MiB, what message bodies may grow to.
        private static let mostWindowBits: Int32 = 26

        private let create: Create
        private let free: Free
        private let set: SetParameter
        private let step: Decompress
        private let isError: IsError

        init?() {
            guard let library = SystemLibrary(Zstandard.libraryName),
                let create = library.function("ZSTD_createDCtx", as: Create.self),
                let free = library.function("ZSTD_freeDCtx", as: Free.self),
                let set = library.function("ZSTD_DCtx_setParameter", as: SetParameter.self),
                let step = library.function("ZSTD_decompressStream", as: Decompress.self),
                let isError = library.function("ZSTD_isError", as: IsError.self)
            else { return nil }
            self.create = create
            self.free = free
            self.set = set
            self.step = step
            self.isError = isError
        }

        func decompress(_ bytes: UnsafeRawBufferPointer, limit: Int) throws(CompressionError) -> [UInt8] {
            guard let context = create() else { throw .outOfMemory }
            defer { _ = free(context) }
            _ = set(context, Self.windowParameter, Self.mostWindowBits)
            return try FrameDecompressor.restore(bytes, limit: limit) { input, output in
                // ZSTD_outBuffer and ZSTD_inBuffer: address, size, and up to where it is used. All three are words.
                var target = [Int(bitPattern: output.baseAddress), output.count, 0]
                var source = [Int(bitPattern: input.baseAddress), input.count, 0]
                let wish = target.withUnsafeMutableBytes { target in
                    source.withUnsafeMutableBytes { step(context, target.baseAddress!, $0.baseAddress!) }   // three words each: never empty
                }
                return isError(wish) == 0 ? (source[2], target[2], wish == 0) : nil
            }
        }
    }
}
