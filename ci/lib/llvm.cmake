# SPDX-License-Identifier: MIT
# Included by LLVM's project(). Over half of what the compiler does for a file of
# LLVM it does for the headers, and again for the next file; so up to 16 files
# of a library are compiled as one.

set(LVP_BATCH 16)
# The other libraries are one file, or C, or clash too often.
set(LVP_LIBRARIES
   AggressiveInstCombine Analysis AsmParser AsmPrinter BinaryFormat BitReader BitWriter CodeGen Core Coroutines
   DebugInfoCodeView DebugInfoDWARF ExecutionEngine GlobalISel InstCombine Instrumentation MC MCDisassembler MCParser
   ObjCARCOpts Object Passes ProfileData Remarks RuntimeDyld ScalarOpts SelectionDAG Support Target TargetParser
   TextAPI TransformUtils Vectorize X86CodeGen X86Desc ipo)
# llvmpipe executes nothing of these, or next to nothing: they need not be fast.
set(LVP_COLD
   AggressiveInstCombine AsmParser BitReader DebugInfoCodeView DebugInfoDWARF GlobalISel Instrumentation MCParser
   ObjCARCOpts Object Passes ProfileData Remarks TextAPI Vectorize ipo)
# Each defines a name that another of its batch defines, too, or makes one
# ambiguous for it, or includes Windows' headers, which define many: these are a
# batch of their own.
set(LVP_APART
   Atomic.cpp BDCE.cpp ConstraintElimination.cpp CoroEarly.cpp CrashRecoveryContext.cpp DIBuilder.cpp DebugInfo.cpp
   DynamicLibrary.cpp ErrorHandling.cpp ExpandLargeFpConvert.cpp FinalizeISel.cpp GlobalOpt.cpp Internalize.cpp
   LegacyLegalizerInfo.cpp LiveIntervalCalc.cpp LoopInterchange.cpp LoopUnrollAndJamPass.cpp LowerGlobalDtors.cpp
   LowerInvoke.cpp MCSectionWasm.cpp MLRegAllocPriorityAdvisor.cpp MachOUniversal.cpp MemProfiler.cpp Memory.cpp
   MemorySanitizer.cpp MergingTypeTableBuilder.cpp MetadataLoader.cpp MsgPackWriter.cpp ObjCARCContract.cpp
   PHIElimination.cpp Path.cpp PostRASchedulerList.cpp Process.cpp Program.cpp RandomNumberGenerator.cpp
   RecordsSlice.cpp RuntimeDyldELF.cpp SampleProfReader.cpp ScheduleDAGRRList.cpp SelectionDAG.cpp Signals.cpp
   TargetLoweringObjectFileImpl.cpp TextStub.cpp Threading.cpp TypeRecordMapping.cpp VPlan.cpp Watchdog.cpp
   WinCOFFObjectWriter.cpp X86CompressEVEX.cpp X86FastTileConfig.cpp X86FixupVectorConstants.cpp
   X86LoadValueInjectionRetHardening.cpp X86LowerAMXIntrinsics.cpp X86SpeculativeExecutionSideEffectSuppression.cpp
   X86TargetObjectFile.cpp raw_ostream.cpp)
# Each clashes with one of these as well.
set(LVP_ALONE
   GVNHoist.cpp GVNSink.cpp HWAddressSanitizer.cpp Minidump.cpp SLPVectorizer.cpp VPlanTransforms.cpp X86ISelLowering.cpp)
# The linker takes nothing from these, as from the libraries in ci/llvm.
set(LVP_UNUSED
   AArch64TargetParser.cpp COM.cpp CSKYTargetParser.cpp CodeGenPassBuilder.cpp ExecutorSharedMemoryMapperService.cpp
   InitLLVM.cpp InstrProfWriter.cpp JITLoaderPerf.cpp JITLoaderVTune.cpp LinkModules.cpp LockFileManager.cpp
   LoongArchTargetParser.cpp MIRYamlMapping.cpp MasmParser.cpp MemProfReader.cpp OMP.cpp OMPContext.cpp
   OffloadWrapper.cpp OrcRTBootstrap.cpp RegisterEHFrames.cpp SimpleExecutorDylibManager.cpp
   SimpleExecutorMemoryManager.cpp SimpleRemoteEPCServer.cpp TargetExecutionUtils.cpp TargetParser.cpp
   X86TargetParser.cpp raw_socket_stream.cpp)

# A file's batch is its place in the list and nothing else, so that one more
# that is apart or unused leaves all other batches as they were.
function(lvp_batch target)
   get_target_property(sources ${target} SOURCES)
   get_target_property(folder ${target} SOURCE_DIR)
   list(FILTER sources INCLUDE REGEX "\\.cpp$")
   set(place 0)
   set(flags "")
   foreach(source ${sources})
      get_filename_component(name ${source} NAME)
      if(NOT name IN_LIST LVP_ALONE AND NOT name IN_LIST LVP_UNUSED)
         if(name IN_LIST LVP_APART)
            set(batch apart)
         else()
            math(EXPR batch "${place} / ${LVP_BATCH}")
         endif()
         get_filename_component(path ${source} ABSOLUTE BASE_DIR ${folder})
         get_source_file_property(own ${path} TARGET_DIRECTORY ${target} COMPILE_FLAGS)
         if(own AND flags AND NOT own STREQUAL flags)
            message(FATAL_ERROR "${name} of ${target} has options of its own")
         elseif(own)
            set(flags "${own}")
         endif()
         set_property(SOURCE ${path} TARGET_DIRECTORY ${target} PROPERTY COMPILE_FLAGS)
         set_property(SOURCE ${path} TARGET_DIRECTORY ${target} PROPERTY UNITY_GROUP ${batch})
      endif()
      math(EXPR place "${place} + 1")
   endforeach()
   # A library that has C as well gives each file of C++ its options, which
   # would keep it out of a batch.
   separate_arguments(flags)
   target_compile_options(${target} PRIVATE "$<$<COMPILE_LANGUAGE:CXX>:${flags}>")
   # Each file has a DEBUG_TYPE of its own.
   set_target_properties(${target} PROPERTIES
      UNITY_BUILD ON
      UNITY_BUILD_MODE GROUP
      UNITY_BUILD_CODE_AFTER_INCLUDE "#undef DEBUG_TYPE")
endfunction()

function(lvp_unused target)
   get_target_property(sources ${target} SOURCES)
   foreach(name ${LVP_UNUSED})
      list(FILTER sources EXCLUDE REGEX "(^|/)${name}$")
   endforeach()
   set_property(TARGET ${target} PROPERTY SOURCES ${sources})
endfunction()

function(lvp_batches)
   foreach(library ${LVP_LIBRARIES})
      lvp_batch(LLVM${library})
   endforeach()
   foreach(library ${LVP_LIBRARIES} FrontendOffloading FrontendOpenMP Linker OrcTargetProcess)
      lvp_unused(LLVM${library})
   endforeach()
   foreach(library ${LVP_COLD})
      target_compile_options(LLVM${library} PRIVATE -O1)
   endforeach()
endfunction()

# The targets exist when LLVM's own file has come to its end.
cmake_language(DEFER CALL lvp_batches)
