/// LZ4 frames, by the system's liblz4 where there is one.
public enum LZ4 {
    static let libraryName = "liblz4.so.1"

    /// - Parameter limit: most bytes to restore.
    public static func decompress(_ bytes: UnsafeRawBufferPointer, limit: Int) throws(CompressionError) -> [UInt8] {
        guard let library else { throw .missingLibrary(libraryName) }
        return try library.decompress(bytes, limit: limit)
    }

    private static let library = Library()

    /// The functions of `lz4frame.h` that are needed.
    private struct Library: Sendable {
        typealias Create = @convention(c) (UnsafeMutablePointer<OpaquePointer?>, UInt32) -> Int
        typealias Free = @convention(c) (OpaquePointer) -> Int
        typealias Decompress = @convention(c) (
            OpaquePointer, UnsafeMutableRawPointer?, UnsafeMutablePointer<Int>, UnsafeRawPointer?, UnsafeMutablePointer<Int>, UnsafeRawPointer?
        ) -> Int
        typealias IsError = @convention(c) (Int) -> UInt32

        private static let version: UInt32 = 100   // LZ4F_VERSION
        private let create: Create
        private let free: Free
        private let step: Decompress
        private let isError: IsError

        init?() {
            guard let library = SystemLibrary(LZ4.libraryName),
                let create = library.function("LZ4F_createDecompressionContext", as: Create.self),
                let free = library.function("LZ4F_freeDecompressionContext", as: Free.self),
                let step = library.function("LZ4F_decompress", as: Decompress.self),
                let isError = library.function("LZ4F_isError", as: IsError.self)
            else { return nil }
            self.create = create
            self.free = free
            self.step = step
            self.isError = isError
        }

        func decompress(_ bytes: UnsafeRawBufferPointer, limit: Int) throws(CompressionError) -> [UInt8] {
            var made: OpaquePointer?
            guard isError(create(&made, Self.version)) == 0, let context = made else { throw .outOfMemory }
            defer { _ = free(context) }
            return try FrameDecompressor.restore(bytes, limit: limit) { input, output in
                var (read, written) = (input.count, output.count)
                // How many bytes it would like next; 0 at the end of a frame.
                let wish = step(context, output.baseAddress, &written, input.baseAddress, &read, nil)
                return isError(wish) == 0 ? (read, written, wish == 0) : nil
            }
        }
    }
}
