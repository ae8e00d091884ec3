internal import Glibc

/// What this process uses, by the names that monitoring systems know it by.
struct ProcessFacts: Sendable {
    var residentBytes: Int?
    var processorSeconds: Double
    var openFiles: Int?
    var mostFiles: Double?

    init() {
        processorSeconds = ProcessFacts.processorTime
        var limit = rlimit()
        if getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0, limit.rlim_cur != rlim_t.max {
            mostFiles = Double(limit.rlim_cur)
        }
        openFiles = ProcessFacts.entries(of: "/proc/self/fd")
        residentBytes = ProcessFacts.residentPages().map { $0 * Int(sysconf(Int32(_SC_PAGESIZE))) }
    }

    /// The second field of `/proc/self/statm`.
    private static func residentPages() -> Int? {
        guard let file = fopen("/proc/self/statm", "re") else { return nil }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 256)
        guard fgets(&line, Int32(line.count), file) != nil else { return nil }
        let fields = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self).split(separator: " ")
        return fields.count > 1 ? Int(fields[1]) : nil
    }

    /// Of user and system, in seconds.
    static var processorTime: Double {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1_000_000_000
    }

    private static func entries(of path: String) -> Int? {
        guard let directory = opendir(path) else { return nil }
        defer { closedir(directory) }
        var count = 0
        while readdir(directory) != nil { count += 1 }
        // `.`, `..`, and the directory that is being read.
        return max(0, count - 3)
    }
}
