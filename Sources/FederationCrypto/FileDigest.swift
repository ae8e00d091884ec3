internal import COpenSSL
package import FederationCore
internal import Glibc

/// Why a file was not hashed: the system's error number.
package struct FileDigestFailure: Error, Hashable, Sendable { package var code: Int32 }

/// The SHA-256 of a file, read piece by piece.
package enum FileDigest {
    private static let piece = 1 << 20

    /// - Parameter progress: told how many bytes are read.
    package static func sha256(
        of path: String, progress: (Int64) -> Void = { _ in }
    ) throws(FileDigestFailure) -> Digest {
        let file = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw FileDigestFailure(code: errno) }
        defer { close(file) }
        guard let hash = unsafe EVP_MD_CTX_new() else { throw FileDigestFailure(code: ENOMEM) }
        defer { unsafe EVP_MD_CTX_free(hash) }
        guard unsafe EVP_DigestInit_ex(hash, EVP_sha256(), nil) == 1 else { throw FileDigestFailure(code: ENOMEM) }
        var bytes = [UInt8](repeating: 0, count: FileDigest.piece)
        var total: Int64 = 0
        while true {
            let count = unsafe bytes.withUnsafeMutableBytes { unsafe read(file, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw FileDigestFailure(code: errno) }
            guard count > 0 else { break }
            guard unsafe EVP_DigestUpdate(hash, bytes, count) == 1 else { throw FileDigestFailure(code: EIO) }
            total += Int64(count)
            progress(total)
        }
        var digest = [UInt8](repeating: 0, count: Digest.length)
        guard unsafe EVP_DigestFinal_ex(hash, &digest, nil) == 1, let digest = Digest(digest) else {
            throw FileDigestFailure(code: EIO)
        }
        return digest
    }
}
