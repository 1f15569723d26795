package main

import "syscall"

// groupAttributes puts a worker into a process group of its own and has it killed when
// the driver dies.
func groupAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
