import Kit

/// Whether guests run by the processor itself.
enum VirtualizationCheck: DoctorCheck {
  static let name = "virtualization"

  static func findings(_ facts: DoctorFacts) -> [DoctorFinding] {
    guard let seen = facts.virtualization else { return [.unseen("The processor could not be looked at.")] }
    if seen.chosen == "kvm" { return [.well("KVM: a trial boot has worked.")] }
    guard seen.hasDevice else {
      let advice =
        seen.processorFlag == nil
        ? "Switch virtualization on in the firmware; on a virtual machine ask its host for nested virtualization."
        : "Load the module: modprobe kvm_\(seen.processorFlag == "svm" ? "amd" : "intel")"
      return [.warning("There is no /dev/kvm: guests are emulated, many times slower.", advice)]
    }
    if let problem = seen.deviceProblem {
      return [.warning("/dev/kvm cannot be opened: \(problem).", "Look at its owner and mode: ls -l /dev/kvm")]
    }
    if seen.chosen == "qemu" {
      return [
        .warning(
          "/dev/kvm is there, but a trial boot with it did not come up: guests are emulated.",
          "On a virtual machine its host's nested virtualization is at fault. The node tries again after a reboot.")
      ]
    }
    return [.well("/dev/kvm can be opened; the node tries a boot with it when it starts first.")]
  }
}

/// What the kernel must be able to do for bridges, namespaces and rules.
enum KernelCheck: DoctorCheck {
  static let name = "kernel"
  /// Tracked flows above this part of what the kernel allows are worth a word.
  static let flowShare = 0.8

  static func findings(_ facts: DoctorFacts) -> [DoctorFinding] {
    var findings = facts.kernel.filter { $0.problem != nil }.map { feature in
      DoctorFinding.broken(
        "The kernel cannot do \(feature.name): \(feature.problem ?? "").",
        "Load its module (modprobe \(feature.module)), or boot a kernel that has it.")
    }
    if !facts.isRoot {
      findings.append(.unseen("Bridges, namespaces and rules can be tried by root only.", "Run it as root."))
    } else if findings.isEmpty, !facts.kernel.isEmpty {
      findings.append(.well(facts.kernel.map(\.name).joined(separator: ", ") + " work."))
    }
    if facts.cloud?.masquerades == true, facts.forwards == false {
      findings.append(
        .broken(
          "Guests are to reach the world through this host, and it does not forward.",
          "sysctl net.ipv4.ip_forward=1"))
    }
    if let (count, max) = facts.flows, max > 0, Double(count) > flowShare * Double(max) {
      findings.append(
        .warning(
          "\(count) of at most \(max) flows are tracked: new connections will be dropped.",
          "sysctl net.netfilter.nf_conntrack_max=\(max * 2)"))
    }
    return findings
  }
}

/// Room on the disk of the state directory.
enum DiskCheck: DoctorCheck {
  static let name = "disk"
  /// Below these it is full for our purposes: the store's log must grow, overlays must grow.
  static let bytesNeeded: Int64 = 64 << 20
  static let inodesNeeded: Int64 = 100
  /// Below these parts, or this many bytes, a warning is due.
  static let shareWanted = 0.05
  static let bytesWanted: Int64 = 2 << 30

  static func findings(_ facts: DoctorFacts) -> [DoctorFinding] {
    guard let disk = facts.disk else { return [.unseen("The state directory's disk could not be looked at.")] }
    if disk.isReadOnly {
      return [
        .broken(
          "The file system of \(disk.path) is read-only: nothing can be stored.",
          "Look why (dmesg, findmnt -T \(disk.path)), then: mount -o remount,rw …")
      ]
    }
    var findings: [DoctorFinding] = []
    let free = "\(disk.bytesFree >> 20) MiB of \(disk.bytes >> 20) MiB are free at \(disk.path)"
    let advice = "Remove images and servers that nobody needs, or grow the disk: du -xh --max-depth=2 \(disk.path)"
    if disk.bytesFree < bytesNeeded {
      findings.append(.broken("\(free): it is full.", advice))
    } else if disk.bytesFree < bytesWanted, Double(disk.bytesFree) < shareWanted * Double(disk.bytes) {
      findings.append(.warning("\(free).", advice))
    }
    // Some file systems have no fixed number of inodes, and say 0.
    if disk.inodes > 0, disk.inodesFree < inodesNeeded {
      findings.append(.broken("No inodes are left at \(disk.path).", "Remove small files: df -i \(disk.path)"))
    } else if disk.inodes > 0, Double(disk.inodesFree) < shareWanted * Double(disk.inodes) {
      findings.append(.warning("\(disk.inodesFree) inodes are left at \(disk.path).", "df -i \(disk.path)"))
    }
    return findings.isEmpty ? [.well(free + ".")] : findings
  }
}

/// Whether the host's clock can be trusted.
enum ClockCheck: DoctorCheck {
  static let name = "clock"
  /// A file may be written a little ahead of what another clock read says, in seconds.
  static let stepSeconds = 5.0

  static func findings(_ facts: DoctorFacts) -> [DoctorFinding] {
    guard let clock = facts.clock else { return [.unseen("The clock could not be looked at.")] }
    var findings: [DoctorFinding] = []
    if let (moment, place) = clock.newest, moment.seconds(since: clock.now) > stepSeconds {
      findings.append(
        .warning(
          "The clock says \(clock.now.iso8601), but \(place) was written at \(moment.iso8601): it was stepped back by "
            + "\(Int(moment.seconds(since: clock.now))) s.",
          "Set it right. Tokens, and times that are shown, are off until it has passed that moment."))
    }
    switch clock.isKept {
    case true?: break
    case false?:
      findings.append(
        .warning("Nothing keeps the clock in step.", "Install chrony, or: timedatectl set-ntp true"))
    case nil: findings.append(.unseen("The kernel does not say whether the clock is kept in step."))
    }
    return findings.isEmpty ? [.well("It is kept in step.")] : findings
  }
}

/// Programs and users that the node needs.
enum ToolCheck: DoctorCheck {
  static let name = "tools"

  static func findings(_ facts: DoctorFacts) -> [DoctorFinding] {
    var findings = facts.missingTools.map { tool in
      DoctorFinding.broken("\(tool.program) is missing.", "apt-get install \(tool.package)")
    }
    findings += facts.missingUsers.map { user in
      DoctorFinding.broken(
        "There is no user \(user).",
        user == SystemUser.control
          ? "useradd --system --no-create-home \(user)" : "apt-get install libvirt-daemon-system")
    }
    return findings.isEmpty ? [.well("Every program and user that is needed is there.")] : findings
  }
}

/// Whether libvirt answers.
enum LibvirtCheck: DoctorCheck {
  static let name = "libvirt"

  static func findings(_ facts: DoctorFacts) -> [DoctorFinding] {
    guard let libvirt = facts.libvirt else {
      return [.unseen("libvirt could not be asked.", "It is asked as root, by virsh.")]
    }
    if let problem = libvirt.problem {
      return [
        .broken(
          "libvirt does not answer: \(problem).",
          "systemctl restart libvirtd, or without systemd: virtlogd -d; libvirtd -d. Guests run on meanwhile.")
      ]
    }
    return [.well("libvirt \(libvirt.version ?? "?") with QEMU \(libvirt.qemuVersion ?? "?") answers.")]
  }
}
