package cpu

import "golang.org/x/sys/cpu"

// detect asks the processor; x/sys also asks whether the system saves the registers.
func detect() Set {
	x := &cpu.X86
	switch {
	case x.HasAVX512F && x.HasAVX512DQ && x.HasAVX512BW && x.HasAVX512VL && x.HasAVX2 && x.HasFMA:
		return AVX512
	case x.HasAVX2 && x.HasFMA:
		return AVX2
	}
	return Portable
}
