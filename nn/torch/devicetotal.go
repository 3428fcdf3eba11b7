package torch

/*
#cgo LDFLAGS: -ldl
#include <dlfcn.h>
#include <stddef.h>
#include <stdint.h>

// The memory of a device by the driver's own interface, which libtorch has
// loaded and set up; 0: it does not tell.
static int64_t device_total(int32_t number) {
  void* driver = dlopen("libcuda.so.1", RTLD_LAZY | RTLD_NOLOAD);
  if (driver == NULL) return 0;
  int (*get)(int*, int) = (int (*)(int*, int))dlsym(driver, "cuDeviceGet");
  int (*total)(size_t*, int) = (int (*)(size_t*, int))dlsym(driver, "cuDeviceTotalMem_v2");
  int device = 0;
  size_t bytes = 0;
  if (get == NULL || total == NULL || get(&device, number) != 0 || total(&bytes, device) != 0) bytes = 0;
  dlclose(driver);
  return (int64_t)bytes;
}
*/
import "C"

import "fmt"

// DeviceTotal is the memory of a CUDA device, in bytes.
func DeviceTotal(d Device) (int64, error) {
	if d == CPU {
		return 0, fmt.Errorf("asking for the memory of %s: it is no CUDA device", d)
	}
	if bytes := int64(C.device_total(C.int32_t(d))); bytes > 0 {
		return bytes, nil
	}
	return 0, fmt.Errorf("asking for the memory of %s: the driver does not tell", d)
}
