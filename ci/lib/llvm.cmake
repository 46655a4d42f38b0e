# SPDX-License-Identifier: MIT
# Included by LLVM's project(). Most of what the compiler does for a file of
# LLVM it does for the headers, and again for the next file; so up to 8 files
# of a library are compiled as one.

set(LVP_BATCH 8)
# The other libraries are small, or made of C and the system's headers.
set(LVP_LIBRARIES
   AggressiveInstCombine Analysis AsmPrinter BitReader BitWriter CodeGen Core Coroutines
   DebugInfoCodeView DebugInfoDWARF GlobalISel InstCombine Instrumentation MC ObjCARCOpts
   ScalarOpts SelectionDAG TransformUtils Vectorize X86CodeGen ipo)
# Each defines a name that another of its batch defines, too, or makes one
# ambiguous for it.
set(LVP_ALONE
   LegacyLegalizerInfo.cpp MetadataLoader.cpp
   ExpandLargeFpConvert.cpp LiveIntervalCalc.cpp MIRYamlMapping.cpp MLRegAllocPriorityAdvisor.cpp PHIElimination.cpp
   PostRASchedulerList.cpp TargetLoweringObjectFileImpl.cpp
   CoroEarly.cpp
   MergingTypeTableBuilder.cpp TypeRecordMapping.cpp
   HWAddressSanitizer.cpp MemProfiler.cpp
   MCSectionWasm.cpp WinCOFFObjectWriter.cpp
   LowerGlobalDtors.cpp LowerInvoke.cpp
   ObjCARCContract.cpp
   BDCE.cpp ConstraintElimination.cpp GVNSink.cpp LoopInterchange.cpp LoopUnrollAndJamPass.cpp
   ScheduleDAGRRList.cpp SelectionDAG.cpp
   SLPVectorizer.cpp VPlan.cpp
   X86CompressEVEX.cpp X86FastTileConfig.cpp X86FixupVectorConstants.cpp X86ISelLowering.cpp
   X86LoadValueInjectionRetHardening.cpp X86LowerAMXIntrinsics.cpp
   X86SpeculativeExecutionSideEffectSuppression.cpp X86TargetObjectFile.cpp)

# A file's batch is its place in the list and nothing else, so that one more
# that stands alone leaves all other batches as they were.
function(lvp_batch target)
   get_target_property(sources ${target} SOURCES)
   get_target_property(folder ${target} SOURCE_DIR)
   list(FILTER sources INCLUDE REGEX "\\.cpp$")
   set(place 0)
   foreach(source ${sources})
      get_filename_component(name ${source} NAME)
      if(NOT name IN_LIST LVP_ALONE)
         math(EXPR batch "${place} / ${LVP_BATCH}")
         get_filename_component(path ${source} ABSOLUTE BASE_DIR ${folder})
         set_source_files_properties(${path} TARGET_DIRECTORY ${target} PROPERTIES UNITY_GROUP ${batch})
      endif()
      math(EXPR place "${place} + 1")
   endforeach()
   # Each file has a DEBUG_TYPE of its own.
   set_target_properties(${target} PROPERTIES
      UNITY_BUILD ON
      UNITY_BUILD_MODE GROUP
      UNITY_BUILD_CODE_AFTER_INCLUDE "#undef DEBUG_TYPE")
endfunction()

function(lvp_batches)
   foreach(library ${LVP_LIBRARIES})
      lvp_batch(LLVM${library})
   endforeach()
endfunction()

# The targets exist when LLVM's own file has come to its end.
cmake_language(DEFER CALL lvp_batches)
