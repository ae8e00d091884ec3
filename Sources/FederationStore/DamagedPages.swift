internal import CSQLite
internal import FederationCore
internal import Glibc

/// The pages of a database that SQLite may refuse, read one by one from its file, with what its write-ahead log has
/// committed laid over them. Nothing is ever written.
///
/// ("Database File Format", sections 1.3 and 4, is what is obeyed here.)
// SAFETY: the descriptors are private, opened in `init` and closed in `deinit`, and used by whoever owns this value.
final class DamagedPages {
    /// In bytes; SQLite's own default where the file does not say it any more.
    let size: Int
    /// How many there are, whole or not.
    let count: Int
    /// Bytes of a page that are used: some may be reserved at its end.
    let usable: Int
    /// The first page says what it should: a database, with a page size.
    let hasHeader: Bool
    private let file: Int32
    private let log: Int32
    /// Where in the write-ahead log the committed state of a page is.
    private let frames: [Int: Int]

    static let fallbackSize = 4096
    private static let magic = Array("SQLite format 3\u{0}".utf8)

    /// - Throws: `cannotOpen` where there is no such file, or none that may be read.
    init(path: String) throws(StoreFailure) {
        guard !path.utf8.contains(0) else { throw .cannotOpen }
        let file = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw .cannotOpen }
        let log = unsafe open(path + "-wal", O_RDONLY | O_CLOEXEC)
        var facts = stat()
        guard unsafe fstat(file, &facts) == 0 else {
            close(file)
            if log >= 0 { close(log) }
            throw .io
        }
        (self.file, self.log) = (file, log)
        let header = PositionedFile.read(file, at: 0, count: 100)
        let said = header.count == 100 ? Int(header[16]) << 8 | Int(header[17]) : 0
        let isSize = said == 1 || said >= 512 && said & (said - 1) == 0
        hasHeader = isSize && header.starts(with: DamagedPages.magic)
        var size = hasHeader ? (said == 1 ? 65_536 : said) : DamagedPages.fallbackSize
        let wal = WriteAheadFrames(log)
        // Its own header is as good a witness.
        if !hasHeader, let said = wal?.pageSize { size = said }
        self.size = size
        usable = size - (hasHeader ? Int(header[20]) : 0)
        frames = wal.flatMap { $0.pageSize == size ? $0.committed : nil } ?? [:]
        let inFile = (Int(clamping: facts.st_size) + size - 1) / size
        count = max(inFile, frames.keys.max() ?? 0)
    }

    deinit {
        close(file)
        if log >= 0 { close(log) }
    }

    /// The page of this number, counted from 1; `nil` where it is not there whole.
    func page(_ number: Int) -> [UInt8]? {
        guard number >= 1, number <= count else { return nil }
        let bytes =
            if let place = frames[number] {
                PositionedFile.read(log, at: place, count: size)
            } else {
                PositionedFile.read(file, at: (number - 1) * size, count: size)
            }
        return bytes.count == size ? bytes : nil
    }
}

/// Reading at a place, through interruptions.
enum PositionedFile {
    /// Fewer bytes at the end of the file, or where it cannot be read.
    static func read(_ file: Int32, at place: Int, count: Int) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var filled = 0
        while filled < count {
            let read = unsafe bytes.withUnsafeMutableBytes { room in
                unsafe pread(file, room.baseAddress?.advanced(by: filled), count - filled, off_t(place + filled))
            }
            if read < 0, errno == EINTR { continue }
            guard read > 0 else { break }
            filled += read
        }
        bytes.removeLast(count - filled)
        return bytes
    }
}

/// What a write-ahead log has committed, as far as its checksums hold: what follows the first frame that does not is
/// nothing that SQLite would have read either.
struct WriteAheadFrames {
    let pageSize: Int
    /// By the number of a page, where its last committed state begins.
    private(set) var committed: [Int: Int] = [:]

    private static let headerBytes = 32
    private static let frameBytes = 24

    init?(_ file: Int32) {
        let header = file < 0 ? [] : PositionedFile.read(file, at: 0, count: WriteAheadFrames.headerBytes)
        guard header.count == WriteAheadFrames.headerBytes else { return nil }
        let magic = header.bigEndian(at: 0)
        guard magic & ~1 == 0x377F_0682, header.bigEndian(at: 4) == 3_007_000 else { return nil }
        let size = Int(header.bigEndian(at: 8))
        guard size >= 512, size <= 65_536, size & (size - 1) == 0 else { return nil }
        var sum = Checksum(isBigEndian: magic & 1 == 1)
        sum.add(header[..<24])
        guard sum.first == header.bigEndian(at: 24), sum.second == header.bigEndian(at: 28) else { return nil }
        pageSize = size
        var pending: [Int: Int] = [:]
        var place = WriteAheadFrames.headerBytes
        while true {
            let frame = PositionedFile.read(file, at: place, count: WriteAheadFrames.frameBytes + size)
            guard frame.count == WriteAheadFrames.frameBytes + size, frame[8..<16].elementsEqual(header[16..<24]) else { return }
            sum.add(frame[..<8])
            sum.add(frame[WriteAheadFrames.frameBytes...])
            guard sum.first == frame.bigEndian(at: 16), sum.second == frame.bigEndian(at: 20) else { return }
            pending[Int(frame.bigEndian(at: 0))] = place + WriteAheadFrames.frameBytes
            // The frame that ends a transaction says how large the database is then.
            if frame.bigEndian(at: 4) != 0 {
                committed.merge(pending) { $1 }
                pending = [:]
            }
            place += frame.count
        }
    }

    /// The checksum of SQLite's write-ahead log ("Database File Format", 4.2).
    private struct Checksum {
        let isBigEndian: Bool
        var first: UInt32 = 0
        var second: UInt32 = 0

        init(isBigEndian: Bool) { self.isBigEndian = isBigEndian }

        mutating func add(_ bytes: ArraySlice<UInt8>) {
            var place = bytes.startIndex
            while place + 8 <= bytes.endIndex {
                first = first &+ word(bytes, place) &+ second
                second = second &+ word(bytes, place + 4) &+ first
                place += 8
            }
        }

        private func word(_ bytes: ArraySlice<UInt8>, _ place: Int) -> UInt32 {
            let word =
                UInt32(bytes[place]) << 24 | UInt32(bytes[place + 1]) << 16 | UInt32(bytes[place + 2]) << 8
                | UInt32(bytes[place + 3])
            return isBigEndian ? word : word.byteSwapped
        }
    }
}

extension [UInt8] {
    /// Four bytes as a number; zero where they are not there.
    func bigEndian(at place: Int) -> UInt32 {
        guard place >= 0, place + 4 <= count else { return 0 }
        return UInt32(self[place]) << 24 | UInt32(self[place + 1]) << 16 | UInt32(self[place + 2]) << 8
            | UInt32(self[place + 3])
    }
}
