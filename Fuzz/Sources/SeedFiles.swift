import Glibc

/// Writes the seeds of each fuzzer into a directory of its name.
func writeSeeds(of fuzzers: [any Fuzzer.Type], into directory: String) throws {
    struct CannotWrite: Error { var path: String }
    for fuzzer in fuzzers {
        let folder = directory + "/" + fuzzer.name
        mkdir(folder, 0o755)
        for seed in try fuzzer.seeds {
            let path = folder + "/" + seed.name
            guard let file = fopen(path, "w") else { throw CannotWrite(path: path) }
            defer { fclose(file) }
            let written = fwrite(seed.bytes, 1, seed.bytes.count, file)
            guard written == seed.bytes.count else { throw CannotWrite(path: path) }
        }
    }
}
